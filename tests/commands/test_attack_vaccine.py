"""Marks over a delta: what is written, recovered, reported and refused."""

import csv

import numpy as np
import pytest

from miad.cli import main
from miad.commands.attack import attack
from miad.data import Phantom
from miad.errors import InputError, RunError
from miad.imaging import read_image, write_png
from miad.keys import open_key, recover_folder, shared_delta
from miad.measures import rmse
from miad.search import RandomSearch
from miad.tasks import AttackTask, delta_learning, read_delta
from miad.vaccine import VaccineOptions

from .conftest import save_remover, save_run, tree

FEW = {"step": 4.0, "steps": 3}
PAPERS = {"family": "free", "saturation": "clip"}
SEARCH = RandomSearch(4)


def images(kind="brain", count=6):
    return Phantom(kind, 48, train=0, val=0, test=count)


@pytest.fixture(scope="module")
def removers(tmp_path_factory):
    """Two small removers of random weights."""
    root = tmp_path_factory.mktemp("removers")
    return [save_remover(root / name, name, width) for name, width in (("wdnet", 4), ("bvmr", 2))]


@pytest.fixture(scope="module")
def sources(zoo, tmp_path_factory):
    """A classifier of each kind of images."""
    grades = save_run(tmp_path_factory.mktemp("grades") / "grades", 0, images("fundus").classes)
    return {"brain": str(zoo[0]), "fundus": str(grades)}


@pytest.fixture
def mark(sources, make_run):
    """A function that marks images of a kind and gives the run's folder."""

    def run(name, kind="brain", **options):
        attack(images(kind), sources[kind], make_run(name), search=SEARCH, **options)
        return make_run(name).folder

    return run


def rows(folder):
    with (folder / "attack.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def deltas(folder, kind="brain"):
    """What was added to each image, by its id, outside of its mark."""
    dataset, key = images(kind).split("test"), open_key(next(folder.glob("*.miadkey")))
    found = {}
    for record in key.records.values():
        index = dataset.ids.index(record.image)
        delta = read_image(folder / "marked" / record.file).astype(int) - dataset.pixels(index)
        height, width = key.renderings[record.rendering].coverage.shape
        outside = np.ones(delta.shape, bool)
        outside[record.y : record.y + height, record.x : record.x + width] = False
        found[record.image] = delta, outside
    return found


def recovered(folder, out, kind="brain"):
    dataset, key = images(kind).split("test"), open_key(next(folder.glob("*.miadkey")))
    results = list(recover_folder(key, folder / "marked", out))
    assert [result.problem for result in results] == [""] * len(dataset)
    return all(
        np.array_equal(read_image(out / result.file), dataset.pixels(dataset.ids.index(result.file)))
        for result in results
    )


@pytest.mark.parametrize("kind", ["brain", "fundus"])
@pytest.mark.parametrize("vaccine", ["noise", "delta_d", "delta_i"])
def test_delta_is_added_within_its_budget_and_comes_off_bit_for_bit(mark, removers, tmp_path, kind, vaccine):
    networks = "" if vaccine == "noise" else f"{removers[0]},{removers[1]}"
    folder = mark("a", kind, vaccine=VaccineOptions(vaccine, eps=5, **PAPERS, **FEW), removers=networks)
    for delta, outside in deltas(folder, kind).values():
        assert np.abs(delta[outside]).max() == 5
        assert (delta[outside] != 0).mean() > 0.3  # half of it is clipped where the image is black
    assert recovered(folder, tmp_path / "out", kind)
    for row in rows(folder):
        assert 1 < float(row["delta"]) <= 5


@pytest.mark.parametrize("kind", ["brain", "fundus"])
@pytest.mark.parametrize("vaccine", ["noise", "delta_i"])
@pytest.mark.parametrize("family", ["block", "near", "universal"])
def test_a_delta_of_every_family_comes_off_bit_for_bit(mark, removers, tmp_path, kind, vaccine, family):
    networks = "" if vaccine == "noise" else str(removers[0])
    folder = mark("a", kind, vaccine=VaccineOptions(vaccine, eps=5, family=family, margin=3, **FEW), removers=networks)
    dataset, key = images(kind).split("test"), open_key(next(folder.glob("*.miadkey")))
    for image, (delta, outside) in deltas(folder, kind).items():
        record = next(record for record in key.records.values() if record.image == image)
        height, width = key.renderings[record.rendering].coverage.shape
        near = np.zeros(delta.shape, bool)
        near[max(0, record.y - 3) : record.y + height + 3, max(0, record.x - 3) : record.x + width + 3] = True
        pixels = dataset.pixels(dataset.ids.index(image))
        given = outside & (near if family == "near" else True) & (pixels >= 5) & (pixels <= 250)
        assert np.abs(delta[given]).max() == 5
        assert not delta[outside & ~given].any()
        if family == "block":
            assert set(np.unique(delta[given])) <= {-5, 5}
    assert recovered(folder, tmp_path / "out", kind)


def test_blocks_have_one_sign_each(mark, removers):
    options = VaccineOptions("delta_d", family="block", block=4, **FEW)
    folder = mark("a", "fundus", vaccine=options, removers=str(removers[0]))
    both = 0
    for delta, outside in deltas(folder, "fundus").values():
        cells = (delta * outside).reshape(12, 4, 12, 4, 3)
        assert ((cells.max((1, 3)) <= 0) | (cells.min((1, 3)) >= 0)).all()
        both += (cells.max((1, 3)) > 0).any() and (cells.min((1, 3)) < 0).any()
    assert both


def test_near_marks_are_where_they_are_without_delta(mark, removers):
    options = VaccineOptions("delta_d", family="near", **FEW)
    near, plain = mark("a", vaccine=options, removers=str(removers[0])), mark("b")
    for row, other in zip(rows(near), rows(plain), strict=True):
        assert all(row[name] == other[name] for name in ("image", "x", "y", "alpha", "variant", "queries"))
        assert float(row["delta"]) > 0


def test_a_universal_delta_is_stored_once(mark, removers):
    options = VaccineOptions("delta_d", family="universal", examples=4, **FEW)
    folder = mark("a", "fundus", vaccine=options, removers=str(removers[0]))
    delta = read_delta(folder / "universal.png").astype(int)
    assert delta.shape == (3, 48, 48)
    assert np.abs(delta).max() == 8
    key, dataset = open_key(next(folder.glob("*.miadkey"))), images("fundus").split("test")
    digests = {shared_delta(record.delta) for record in key.records.values()}
    assert len(digests) == 1
    assert np.array_equal(key.renderings[digests.pop()].rgb, 128 + delta.transpose(1, 2, 0))
    assert max(len(record.delta) for record in key.records.values()) < 400
    for image, (found, outside) in deltas(folder, "fundus").items():
        pixels = dataset.pixels(dataset.ids.index(image))
        given = outside & (pixels >= 8) & (pixels <= 247)
        assert np.array_equal(found[given], delta.transpose(1, 2, 0)[given])


def test_an_interrupted_attack_takes_up_its_universal_delta(sources, removers, make_run, monkeypatch):
    given = {"vaccine": VaccineOptions("delta_i", family="universal", **FEW), "removers": str(removers[0])}
    whole, broken = make_run("whole"), make_run("broken")
    attack(images(), sources["brain"], whole, search=SEARCH, **given)
    with monkeypatch.context() as patch:
        patch.setattr(AttackTask, "predict_step", lambda *_: raise_down())
        with pytest.raises(OSError, match="goes down"):
            attack(images(), sources["brain"], broken, search=SEARCH, **given)
    monkeypatch.setattr(delta_learning, "learn_delta", lambda *_: pytest.fail("it is there already"))
    attack(images(), sources["brain"], make_run("broken"), search=SEARCH, **given)
    for name in ("universal.png", "attack.csv"):
        assert (broken.folder / name).read_bytes() == (whole.folder / name).read_bytes()


def raise_down():
    raise OSError("the machine goes down")


def test_a_universal_delta_is_learned_from_training_images(sources, removers, make_run, monkeypatch):
    seen, learn = [], delta_learning.learn_delta
    monkeypatch.setattr(
        delta_learning, "learn_delta", lambda v, data, *rest: seen.append(data.ids) or learn(v, data, *rest)
    )
    data, options = Phantom("brain", 48, train=9, val=0, test=6), VaccineOptions("delta_i", family="universal", **FEW)
    attack(data, sources["brain"], make_run("a"), search=SEARCH, vaccine=options, removers=str(removers[0]))
    assert seen == [data.split("train").ids]


def test_what_is_no_learned_delta_is_refused(tmp_path):
    write_png(tmp_path / "universal.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match="expected a learned delta, found another picture; delete it to learn again"):
        read_delta(tmp_path / "universal.png")


def test_what_is_reported_of_delta_is_its_root_mean_square(mark, removers):
    folder, plain = mark("a", vaccine=VaccineOptions("noise", eps=3, **PAPERS)), mark("b")
    assert {row["delta"] for row in rows(plain)} == {"0.000000"}
    dataset = images().split("test")
    key = open_key(next(folder.glob("*.miadkey")))
    for record in key.records.values():
        delta, outside = deltas(folder)[record.image]
        row = next(row for row in rows(folder) if row["image"] == record.image)
        beyond = rmse((dataset.pixels(dataset.ids.index(record.image)) + delta)[outside], 0 * delta[outside])
        assert beyond > 0
        assert float(row["delta"]) == pytest.approx(np.sqrt((delta[outside] ** 2).mean()), rel=0.15)


def test_lesions_are_spared_if_asked(mark, removers):
    spared = mark("a", vaccine=VaccineOptions("delta_d", **FEW), removers=str(removers[0]), spare_lesions=True)
    not_spared = mark("b", vaccine=VaccineOptions("delta_d", **FEW), removers=str(removers[0]))
    dataset = images().split("test")
    changed = {spared: 0, not_spared: 0}
    for folder in changed:
        for image, (delta, _) in deltas(folder).items():
            lesion = dataset.lesion_mask(dataset.ids.index(image))
            changed[folder] += int((delta[lesion] != 0).sum())
        assert {row["covered"] for row in rows(folder)} == {"0"}  # by the mark
    assert changed[spared] == 0
    assert changed[not_spared] > 0


def test_an_image_s_delta_does_not_depend_on_the_others(zoo, make_run):
    whole = make_run("whole")
    attack(images(), str(zoo[0]), whole, search=SEARCH, vaccine=VaccineOptions("noise"), images=6, delta_batch_size=4)
    single = make_run("single")
    attack(images(), str(zoo[0]), single, search=SEARCH, vaccine=VaccineOptions("noise"), images=1, delta_batch_size=1)
    first, second = ({n: d for n, d in tree(run.folder).items() if n.startswith("marked/")} for run in (whole, single))
    assert first == second


def test_what_delta_alone_makes_misread_is_no_success_of_the_mark(zoo, make_run):
    """Marks that can not be seen, over a delta that is strong enough to turn some images."""
    skipped = {}
    for kind in ("none", "noise"):
        run, options = make_run(kind), VaccineOptions(kind, eps=120, **PAPERS)
        attack(images(count=20), str(zoo[0]), run, search=SEARCH, vaccine=options, alpha_min=1, alpha_max=1)
        status = [row["status"] for row in rows(run.folder)]
        assert "success" not in status
        skipped[kind] = status.count("skipped")
    assert skipped["none"] < skipped["noise"] < 20


def test_marked_hosts_have_the_attack_s_own_logo(mark, removers, tmp_path):
    options = VaccineOptions("delta_i", host="marked", **FEW)
    folder = mark("a", "fundus", vaccine=options, removers=str(removers[0]))
    assert recovered(folder, tmp_path / "out", "fundus")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"vaccine": VaccineOptions("delta_d")}, "expected at least one remover for delta_d, found none"),
        ({"removers": "NET"}, r"expected --vaccine\.kind delta_d or delta_i with --removers, found none"),
        (
            {"removers": "NET,NET", "vaccine": VaccineOptions("delta_d")},
            "expected every remover once, found wdnet, ",
        ),
        (
            {"removers": "NET", "remover_weights": [1.0, 2.0], "vaccine": VaccineOptions("delta_d")},
            "expected 1 weights above 0",
        ),
        ({"removers": "nowhere", "vaccine": VaccineOptions("delta_d")}, "nowhere: no such checkpoint"),
        ({"spare_lesions": True}, r"expected --vaccine\.kind with --spare_lesions, found none"),
        ({"delta_batch_size": 0}, "expected delta_batch_size of at least 1, found 0"),
    ],
)
def test_what_does_not_fit_together_is_refused(mark, removers, tmp_path, options, words):
    if "removers" in options:
        options = options | {"removers": options["removers"].replace("NET", str(removers[0]))}
    with pytest.raises(InputError, match=words):
        mark("a", **options)
    assert not (tmp_path / "a").exists()


def test_another_remover_is_another_run(mark, removers, tmp_path):
    mark("a", vaccine=VaccineOptions("delta_d", **FEW), removers=str(removers[0]))
    with pytest.raises(RunError):
        mark(
            "a", vaccine=VaccineOptions("delta_d", **FEW), removers=str(save_remover(tmp_path / "wdnet", "wdnet", 4, 1))
        )


def test_a_budget_of_nothing_is_refused_on_the_command_line(zoo, tmp_path, capsys):
    words = ["attack", "--data", "Phantom", "--sources", str(zoo[0]), "--run.root", str(tmp_path), "--run.name", "a"]
    with pytest.raises(SystemExit) as stop:
        main([*words, "--vaccine.kind", "noise", "--vaccine.eps", "0"])
    assert stop.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "expected --vaccine.eps of at least 1, found 0; for no delta take the vaccine 'none'" in error
