"""Cells are marked once, and again where anything that makes them changes."""

import shutil

import pytest

import miad.commands.cells as cells_module
from miad.commands.evaluate import transfer
from miad.commands.lesions import LesionOptions
from miad.commands.marking import mark_options
from miad.data import choose_images, content_digest
from miad.errors import InputError, RunError
from miad.search import FIRST_SUCCESS, Stop
from miad.targets import load_target, weights_digest
from miad.tasks import Journal, MarkingWriter

from ..conftest import going_down_half_way, save_run, tree
from .conftest import BATCH, GROUPS, IMAGES, a_run, cell_folders, few, names_of, rows, some_data


def test_a_second_call_does_nothing_again_and_says_the_same(finished, copied, nets, work):
    protocols = "leave_one_out,matrix,ensemble"
    transfer(some_data(), names_of(nets[:3]), a_run(copied), str(nets[3]), protocols, "random,he")
    assert work == {"marked": [], "scored": []}
    for name in ("transfer.csv", "matrix.csv", "metrics.csv"):
        assert (copied / "table" / name).read_bytes() == (finished / "table" / name).read_bytes()


def test_a_further_unseen_classifier_adds_its_rows_and_is_all_that_is_scored(finished, copied, nets, work, tmp_path):
    five = save_run(tmp_path / "five", 4)
    transfer(some_data(), names_of(nets[:3]), a_run(copied), f"{nets[3]},{five}", "leave_one_out,matrix", "random")
    assert work["marked"] == []
    assert work["scored"] == ["five"] * 7  # the originals once, and six cells
    before = [row for row in rows(finished / "table" / "transfer.csv") if row["search"] == "random"]
    after = rows(copied / "table" / "transfer.csv")
    assert [row for row in after if row["target"] != "five"] == [row for row in before if row["sources"] != "all"]
    assert [row["sources"] for row in after if row["target"] == "five"] == [name for name in GROUPS if name != "all"]


def test_a_cell_that_was_deleted_is_the_only_one_marked_again(finished, copied, nets, work):
    (gone,) = (copied / "cells").glob("random-one+two-*")
    before = tree(gone)
    shutil.rmtree(gone)
    transfer(some_data(), names_of(nets[:3]), a_run(copied), str(nets[3]), "leave_one_out", "random", images=BATCH)
    assert work["marked"] == ["random-one+two"]
    assert tree(gone) == before
    own = [row for row in rows(finished / "table" / "transfer.csv") if row["search"] == "random"]
    assert rows(copied / "table" / "transfer.csv") == [row for row in own if row["sources"].startswith("all but")]


def test_a_cell_that_was_killed_half_way_goes_on_and_ends_with_the_same_files(finished, nets, tmp_path, monkeypatch):
    original, written = MarkingWriter.write_on_batch_end, []

    def watch(self, trainer, task, prediction, *arguments):
        written.extend(marking.item.id for marking in prediction)
        original(self, trainer, task, prediction, *arguments)

    arguments = names_of(nets[:2]), a_run(tmp_path), "", "matrix", "he"
    with going_down_half_way():
        transfer(some_data(), *arguments, images=4)
    (killed,) = cell_folders(tmp_path)
    done = Journal(killed / "journal").images()
    assert 0 < len(done) < IMAGES
    assert not (killed / "metrics.csv").exists()
    monkeypatch.setattr(MarkingWriter, "write_on_batch_end", watch)
    transfer(some_data(), *arguments, images=4)
    assert len(written) == IMAGES - len(done) + IMAGES  # the rest of the first cell, and the second
    undisturbed = tree(finished / "cells" / killed.name)
    found = tree(killed)
    for name in ("four", "three"):  # the finished one was judged by more
        undisturbed = {path: data for path, data in undisturbed.items() if not path.startswith(f"verdicts/{name}-")}
    assert found == undisturbed


def test_two_tables_share_their_cells_wherever_they_are_kept(nets, tmp_path, work):
    few(nets[:2], a_run(tmp_path / "runs"), cells=tmp_path / "kept")
    few([nets[1], nets[0]], a_run(tmp_path / "others"), cells=tmp_path / "kept", protocols="leave_one_out")
    assert work["marked"] == ["random-one", "random-two"]
    assert len(cell_folders(tmp_path, "kept")) == 2
    assert not (tmp_path / "runs" / "cells").exists()


@pytest.fixture(scope="module")
def targets(nets):
    return [load_target(net) for net in nets[:2]]


@pytest.fixture
def place_of(targets, tmp_path, monkeypatch):
    """A function that says where the cell of two sources would be; nothing is marked."""
    monkeypatch.setattr(cells_module, "mark_images", lambda *arguments, **options: None)
    digests = {target.name: weights_digest(target) for target in targets}

    def place(
        search="random",
        data=None,
        per_class=None,
        seed=1,
        success="mean",
        batch=(32, 64),
        order=1,
        stop=FIRST_SUCCESS,
        **mark,
    ):
        data, run = data or some_data(6), a_run(tmp_path, seed=seed)
        dataset = choose_images(data, "test", per_class, seed)
        content, options = content_digest(dataset), mark_options(**mark)
        lesions = options.finder(data, targets, 8)
        cells = cells_module.Cells(
            tmp_path, run, data, dataset, content, digests, options, lesions, success, stop, *batch
        )
        return cells.mark(search, targets[::order])

    return place


def other_label():
    data = some_data(6)
    data.split("test").labels[3] += 1
    return data


def other_lesion():
    data = some_data(6)
    dataset = data.split("test")
    drawn = dataset.lesion_mask
    dataset.lesion_mask = lambda index: ~drawn(index) if index == 2 else drawn(index)
    return data


def one_other_pixel():
    data = some_data(6)
    data.split("test").pixels(3)[0, 0] ^= 1
    return data


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 3.0},
        {"alpha_min": 101},
        {"alpha_max": 200},
        {"logo": "crest"},
        {"alpha_mode": "soft"},
        {"place": "anywhere"},
        {"mask": "gradcam"},
        {"lesions": LesionOptions(margin=1)},
        {"lesions": LesionOptions(threshold=200)},
        {"success": "all"},
        {"success": 2},
        {"seed": 7},
        {"stop": Stop(margin=0.2)},
        {"stop": Stop(budget=9)},
        {"per_class": 1},
        {"search": "he"},
    ],
    ids=str,
)
def test_another_option_makes_another_cell(place_of, change):
    assert place_of(**change) != place_of()


@pytest.mark.parametrize("change", [other_label, other_lesion, one_other_pixel, lambda: some_data(7)])
def test_other_images_make_another_cell(place_of, change):
    assert place_of(data=change()) != place_of(data=some_data(6))


def test_neither_batches_nor_the_order_of_sources_make_another_cell(place_of):
    assert place_of(batch=(1, 7)) == place_of(order=-1) == place_of()


def test_other_images_of_the_same_names_get_cells_and_verdicts_of_their_own(nets, tmp_path, work):
    assert some_data(6).split("test").ids == some_data(6, size=64).split("test").ids
    few(nets[:2], a_run(tmp_path, "one"))
    before = tree(tmp_path / "cells")
    few(nets[:2], a_run(tmp_path, "two"), size=64)
    assert len(work["marked"]) == len(cell_folders(tmp_path)) == 4
    after = tree(tmp_path / "cells")
    assert {name: after[name] for name in before} == before
    originals = [after[name] for name in after if name.startswith("originals")]
    assert len(set(originals)) == len(originals) == 4


def test_a_classifier_that_was_trained_again_gets_a_table_and_cells_of_its_own(nets, tmp_path, work):
    again = save_run(tmp_path / "again" / "one", 9)
    few(nets[:2], a_run(tmp_path, "first"))
    with pytest.raises(RunError, match=r"\A.*holds a different run: inputs\.weights\.one is .*\Z"):
        few([again, nets[1]], a_run(tmp_path, "first"))
    few([again, nets[1]], a_run(tmp_path, "second"))
    assert work["marked"] == ["random-one", "random-two", "random-one"]
    assert sorted(work["scored"]) == ["one"] * 6 + ["two"] * 4  # originals 2 and 1, marked images 4 and 3


def test_a_marked_image_that_was_deleted_is_missed(nets, tmp_path):
    few(nets[:2], a_run(tmp_path, "one"))
    (path,) = (tmp_path / "cells").glob("random-one-*/marked/brain-00001.png")
    path.unlink()
    with pytest.raises(InputError, match=r"\A.*brain-00001\.png: no such file\Z"):
        few(nets[:2], a_run(tmp_path, "two"), unseen=str(nets[2]))
