"""Large photographs, searched on squares and marked at their own size."""

import csv

import numpy as np
import pytest

from miad.commands.attack import attack
from miad.data import Phantom
from miad.errors import InputError
from miad.imaging import read_image, to_tensor
from miad.keys import open_key, recover_folder
from miad.search import HeuristicEvolution, LearnedPlaces, Pool, Stop
from miad.targets import load_target
from miad.tasks import AttackTask

from .conftest import tree

HE = HeuristicEvolution(sit=1, catalogue=4, population=6)
LEARNED = LearnedPlaces(candidates=24, examples=2, kept=6, learned_variants=2, catalogue=4, population=4)


def rows(folder):
    with (folder / "attack.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def data(train=0):
    return Phantom("brain", 160, train=train, val=0, test=14)


@pytest.fixture(scope="module")
def finished(zoo, tmp_path_factory):
    from miad.commands.run import Run

    run = Run("run", tmp_path_factory.mktemp("native"), accelerator="cpu", wandb="off", progress=False)
    return run.folder, attack(data(), str(zoo[0]), run, search=HE, native=True, images=5, batch_size=16)


def test_files_keep_their_size_and_come_back_bit_for_bit(finished, tmp_path):
    folder, _ = finished
    originals = data().split("test")
    results = list(recover_folder(open_key(folder / "run.miadkey"), folder / "marked", tmp_path / "out"))
    assert [result.problem for result in results] == [""] * 14
    for index, row in enumerate(rows(folder)):
        assert read_image(folder / "marked" / row["image"]).shape == originals.pixels(index).shape
        np.testing.assert_array_equal(read_image(tmp_path / "out" / row["image"]), originals.pixels(index))


def test_success_is_that_of_the_marked_photograph(finished, zoo):
    folder, measures = finished
    target = load_target(zoo[0])
    labels = data().split("test").labels
    for row, label in zip(rows(folder), labels, strict=True):
        if row["status"] in ("success", "failed"):
            read = target(to_tensor(read_image(folder / "marked" / row["image"]))[None]).argmax(1)
            assert (int(read) != label) == (row["status"] == "success")
    assert measures["success"] > 0


def test_marks_cover_no_lesion(finished):
    _, measures = finished
    assert measures["lesion_pixels_covered"] == 0


def test_candidates_are_squares_and_few_are_photographs(zoo, make_run, monkeypatch):
    seen = []
    original = Pool.score

    def watched(pool, hosts, *arguments):
        seen.extend(host.pixels.shape[-1] for host in hosts)
        return original(pool, hosts, *arguments)

    monkeypatch.setattr(Pool, "score", watched)
    attack(data(), str(zoo[0]), make_run(), search=HE, native=True, batch_size=16)
    assert set(seen) == {32, 160}
    assert seen.count(32) > 5 * seen.count(160) > 0


@pytest.mark.parametrize(("images", "batch_size"), [(1, 1), (14, 300)])
def test_batches_change_nothing(finished, zoo, make_run, images, batch_size):
    run = make_run()
    attack(data(), str(zoo[0]), run, search=HE, native=True, images=images, batch_size=batch_size)
    files = [{n: d for n, d in tree(f).items() if n.endswith((".png", ".miadkey"))} for f in (run.folder, finished[0])]
    assert files[0] == files[1]


def test_a_mark_that_fools_on_the_square_alone_is_no_success(zoo, make_run, monkeypatch):
    """Photographs that are never misread: the search goes on to its end, and counts what it asked of them."""
    original = AttackTask._confirm

    def never(task, *arguments):
        return original(task, *arguments)._replace(lead=-1.0, misread=False)

    attack(data(), str(zoo[0]), make_run("free"), search=HE, native=True, batch_size=16)
    monkeypatch.setattr(AttackTask, "_confirm", never)
    attack(data(), str(zoo[0]), make_run("never"), search=HE, native=True, batch_size=16)
    pairs = list(zip(rows(make_run("free").folder), rows(make_run("never").folder), strict=True))
    assert all(int(never["queries"]) >= int(free["queries"]) for free, never in pairs)
    assert any(int(never["queries"]) > 2 * int(free["queries"]) > 10 for free, never in pairs)


def test_a_budget_holds_with_confirmations(zoo, make_run):
    attack(data(), str(zoo[0]), make_run(), search=HE, native=True, stop=Stop(budget=12), batch_size=16)
    assert max(int(row["queries"]) for row in rows(make_run().folder)) <= 12


def test_places_are_learned_on_squares(zoo, make_run):
    measures = attack(data(train=20), str(zoo[0]), make_run(), search=LEARNED, native=True, batch_size=16)
    assert measures["learning_queries"] > 0
    assert measures["success"] > 0


def test_images_no_larger_than_the_sources_read_are_searched_as_they_are(zoo, make_run):
    small = Phantom("brain", 32, train=0, val=0, test=6)
    for native in (False, True):
        attack(small, str(zoo[0]), make_run(str(native)), search=HE, native=native)
    marked = [tree(make_run(str(native)).folder / "marked") for native in (False, True)]
    assert marked[0] == marked[1]


def test_an_image_whose_square_has_no_room_is_searched_as_it_is(zoo, make_run, monkeypatch):
    """A strip of three pixels is no corner of the square."""
    large = data()
    images = large.split("test")
    monkeypatch.setattr(images, "lesion_mask", lambda index: None)
    original = AttackTask.rooms

    def strips(task, *arguments):
        rooms = original(task, *arguments)
        for room in rooms:
            for corners in room.space.corners.values():
                corners[:] = False
                corners[:, 2:4] = True
        return rooms

    monkeypatch.setattr(AttackTask, "rooms", strips)
    attack(large, str(zoo[0]), make_run(), search=HE, native=True, batch_size=16)
    searched = [row for row in rows(make_run().folder) if row["status"] in ("success", "failed")]
    assert searched
    assert {row["x"] for row in searched} <= {"2", "3"}


def test_a_budget_that_leaves_no_query_to_confirm_is_refused(zoo, make_run):
    with pytest.raises(InputError, match=r"\Aexpected budget of at least 3, found 2\Z"):
        attack(data(), str(zoo[0]), make_run(), search=HE, native=True, stop=Stop(budget=2))
