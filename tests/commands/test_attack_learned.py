"""An attack that learns where marks work, against the attack without."""

import csv

import pytest

from miad.commands.attack import attack
from miad.data import Phantom
from miad.errors import InputError, RunError
from miad.search import HeuristicEvolution, LearnedPlaces
from miad.tasks import AttackTask

from .conftest import tree

LEARNED = LearnedPlaces(candidates=24, examples=2, kept=6, learned_variants=3, catalogue=4, population=4)


def rows(folder, name="attack.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def data():
    return lambda train=30: Phantom("brain", 48, train=train, val=0, test=20)


@pytest.fixture
def finished(zoo, data, make_run):
    run = make_run("learned")
    return run.folder, attack(data(), str(zoo[0]), run, search=LEARNED, images=6, batch_size=16)


def test_what_was_learned_is_kept_and_counted(finished):
    folder, measures = finished
    places = rows(folder, "learned.csv")
    assert [place["rank"] for place in places] == ["1", "2", "3", "4", "5", "6"] + [""] * 18
    assert measures["learning_queries"] == sum(int(place["scored"]) for place in places) > 24
    assert all(0 <= float(place[axis]) <= 1 for place in places for axis in "xy")
    assert all(int(place["fooled"]) <= int(place["scored"]) for place in places)


def test_it_succeeds_as_often_with_fewer_queries(finished, zoo, data, make_run):
    _, learned = finished
    alone = attack(data(), str(zoo[0]), make_run(), search=HeuristicEvolution(sit=1, catalogue=4, population=4))
    assert learned["success_rate"] >= alone["success_rate"]
    assert learned["queries_mean"] < 0.7 * alone["queries_mean"]
    assert alone["learning_queries"] == 0


@pytest.mark.parametrize(("images", "batch_size"), [(1, 1), (20, 500)])
def test_batches_change_nothing(finished, zoo, data, make_run, images, batch_size):
    run = make_run("learned", make_run().folder)
    attack(data(), str(zoo[0]), run, search=LEARNED, images=images, batch_size=batch_size)
    kept = (".png", ".miadkey", "learned.csv")
    files = [{n: d for n, d in tree(folder).items() if n.endswith(kept)} for folder in (run.folder, finished[0])]
    assert files[0] == files[1]


def test_a_run_that_goes_on_does_not_learn_again(finished, zoo, data, make_run, monkeypatch):
    folder, _ = finished
    before = tree(folder)
    (folder / "metrics.csv").unlink()
    monkeypatch.setattr(AttackTask, "all_correct", _not_for_learning(AttackTask.all_correct))
    attack(data(), str(zoo[0]), make_run("learned"), search=LEARNED, images=6, batch_size=16)
    assert tree(folder) == before


def _not_for_learning(original):
    def all_correct(task, hosts, labels):
        assert not isinstance(task.strategy, LearnedPlaces), "learned again"
        return original(task, hosts, labels)

    return all_correct


def test_without_training_images_it_learns_from_those_to_mark(zoo, data, make_run):
    measures = attack(data(train=0), str(zoo[0]), make_run(), search=LEARNED)
    assert measures["learning_queries"] > 0
    assert measures["success_rate"] > 0


def test_where_nothing_can_be_learned_it_says_so(zoo, data, make_run, monkeypatch):
    monkeypatch.setattr(AttackTask, "all_correct", lambda task, hosts, labels: [False] * len(hosts))
    with pytest.raises(InputError, match=r"\Aexpected training images that every source reads [^\n]* he_sit[^\n]*\Z"):
        attack(data(), str(zoo[0]), make_run(), search=LEARNED)


def test_a_spoilt_table_is_named(finished, zoo, data, make_run):
    folder, _ = finished
    (folder / "metrics.csv").unlink()
    (folder / "learned.csv").write_text("rank,x\n1,left\n")
    with pytest.raises(InputError, match=r"learned\.csv: expected learned places, found another table; delete it"):
        attack(data(), str(zoo[0]), make_run("learned"), search=LEARNED)


def test_other_training_images_are_another_run_and_another_cell(finished, zoo, data, make_run):
    folder, _ = finished
    (folder / "metrics.csv").unlink()
    with pytest.raises(RunError, match=r"holds a different run: inputs\.examples is "):
        attack(data(train=31), str(zoo[0]), make_run("learned"), search=LEARNED, images=6, batch_size=16)


def test_images_that_gave_way_or_have_no_room_teach_nothing(zoo, data, make_run, monkeypatch):
    """Half of the images have no room at any scale: the others, at the scale that was asked for, are learned from."""
    original = AttackTask.rooms

    def half(task, items, *arguments):
        rooms = original(task, items, *arguments)
        for item, room in zip(items, rooms, strict=True):
            if task.strategy is LEARNED and item.id.endswith(("1.png", "3.png", "5.png", "7.png", "9.png")):
                object.__setattr__(room, "scale", 4.0)
                for corners in room.space.corners.values():
                    corners[:] = False
        return rooms

    monkeypatch.setattr(AttackTask, "rooms", half)
    measures = attack(data(), str(zoo[0]), make_run(), search=LEARNED, images=6, batch_size=16)
    assert measures["learning_queries"] > 0
