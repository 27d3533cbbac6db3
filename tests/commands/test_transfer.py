"""Transfer tables against predictions made one by one from the written files; cells that are marked once."""

import csv
import shutil
from functools import cache, partial
from math import isnan, nan

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score

import miad.commands.cells as cells_module
from miad.cli import main
from miad.commands.evaluate import transfer
from miad.commands.lesions import LesionOptions
from miad.commands.marking import mark_options
from miad.commands.run import Run
from miad.data import Phantom, choose_images, content_digest
from miad.errors import InputError, RunError
from miad.imaging import read_image, to_tensor
from miad.keys import open_key, recover_folder
from miad.measures import psnr, ssim
from miad.models import load_classifier
from miad.search import FIRST_SUCCESS, SEARCHES, Stop
from miad.targets import load_target, weights_digest
from miad.tasks import Journal, MarkingWriter

from .conftest import going_down_half_way, save_run, tree

IMAGES = 15
BATCH = 10
"""Images in flight; other batches would round probabilities otherwise."""
LESION_EVERYWHERE = 4
"""An image without room for the mark."""

SEARCH_NAMES = ", ".join(SEARCHES)


def some_data(images=IMAGES, size=48):
    """Small slices, of which one is lesion all over."""
    data = Phantom("brain", size, train=0, val=0, test=images)
    dataset = data.split("test")
    drawn = dataset.lesion_mask
    dataset.lesion_mask = lambda index: np.ones((size, size), bool) if index == LESION_EVERYWHERE else drawn(index)
    return data


def a_run(root, name="table", **options):
    return Run(name, root, accelerator="cpu", wandb="off", progress=False, **options)


def names_of(nets):
    return ",".join(map(str, nets))


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def cell_folders(root, cells="cells"):
    return sorted(path for path in (root / cells).iterdir() if not path.name.startswith("originals"))


@pytest.fixture(scope="module")
def nets(zoo, tmp_path_factory):
    """The three of the zoo, and one that is only tested on."""
    return [*zoo, save_run(tmp_path_factory.mktemp("unseen") / "four", 3)]


@pytest.fixture(scope="module")
def finished(nets, tmp_path_factory):
    """The root of one undisturbed table of all protocols, shared by the tests that only read it."""
    root = tmp_path_factory.mktemp("transfer")
    protocols = "leave_one_out,matrix,ensemble"
    transfer(some_data(), names_of(nets[:3]), a_run(root), str(nets[3]), protocols, "random,he", images=BATCH)
    return root


@pytest.fixture(scope="module")
def reference(finished, nets):
    return Reference(finished, nets)


class Reference:
    """Everything a table says, from the written images, predicted one by one."""

    def __init__(self, root, nets):
        self.root = root
        self.dataset = some_data().split("test")
        self.labels = np.array(self.dataset.labels)
        self.networks = {net.name: load_classifier(net / "checkpoints" / "best.ckpt") for net in nets}
        self.originals = [self.dataset.pixels(index) for index in range(IMAGES)]
        self.before = self.predict(self.originals)
        self.judge = cache(self.judge)

    @torch.no_grad()
    def predict(self, images):
        return {
            name: torch.cat([network(to_tensor(image)[None]).softmax(1) for image in images]).double().numpy()
            for name, network in self.networks.items()
        }

    def judge(self, search, group):
        sources = GROUPS[group]
        (folder,) = (self.root / "cells").glob(f"{search}-{'+'.join(sources)}-????????")
        paths = [folder / "marked" / id_ for id_ in self.dataset.ids]
        written = [path.exists() for path in paths]
        finals = [read_image(path) if path.exists() else self.originals[i] for i, path in enumerate(paths)]
        return Judged(self, folder, sources, np.array(written), finals)


class Judged:
    def __init__(self, reference, folder, sources, written, finals):
        self.labels, self.before, self.after = reference.labels, reference.before, reference.predict(finals)
        self.read = {name: p.argmax(1) == self.labels for name, p in self.before.items()}
        self.attacked = written & np.all([self.read[name] for name in sources], 0)
        self.means = [np.mean([part[name] for name in sources], 0) for part in (self.before, self.after)]
        self.fooled = self.attacked & (self.means[1].argmax(1) != self.labels)
        self.queries = np.array([int(row["queries"]) for row in rows(folder / "attack.csv")])
        pairs = [(finals[i], reference.originals[i]) for i in self.attacked.nonzero()[0]]
        self.quality = [np.mean([measure(*pair) for pair in pairs]) for measure in (ssim, psnr)]

    def transfer(self, before, after):
        labels, chosen = self.labels[self.attacked], self.attacked
        truth = np.eye(3)[labels].ravel()
        right = [part[chosen].argmax(1) == labels for part in (before, after)]
        return [
            chosen.sum(),
            *(part.mean() for part in right),
            *(roc_auc_score(truth, part[chosen].ravel()) for part in (before, after)),
            1 - right[1][right[0]].mean() if right[0].any() else nan,
            self.queries[chosen].mean(),
            *np.quantile(self.queries[chosen], [0.5, 0.9]),
            *self.quality,
        ]

    def matrix(self, target):
        common = self.attacked & np.all(list(self.read.values()), 0)
        if target == "seen":
            return [common.sum(), self.fooled[common].mean() if common.any() else nan]
        chosen = common & self.fooled
        misread = self.after[target].argmax(1) != self.labels
        return [chosen.sum(), misread[chosen].mean() if chosen.any() else nan]


GROUPS = {
    "all but one": ["three", "two"],
    "all but two": ["one", "three"],
    "all but three": ["one", "two"],
    "one": ["one"],
    "two": ["two"],
    "three": ["three"],
    "all": ["one", "three", "two"],
}
NETS = ["one", "two", "three", "four"]


def numbers(row, first):
    return [float(value) for value in list(row.values())[first:]]


def test_the_table_has_a_row_a_group_a_search_and_a_target(finished):
    found = [tuple(row.values())[:4] for row in rows(finished / "table" / "transfer.csv")]
    expected = []
    for group, sources in GROUPS.items():
        for search in ("random", "he"):
            expected.append((group, search, "seen", "seen"))
            targets = [name for name in NETS if [name] != sources]
            roles = ["source" if name in sources else "unseen" for name in targets]
            expected += [(group, search, name, role) for name, role in zip(targets, roles, strict=True)]
    assert found == expected


def test_the_table_is_what_the_networks_say_of_the_written_images(finished, reference):
    table = rows(finished / "table" / "transfer.csv")
    for row in table:
        judged = reference.judge(row["search"], row["sources"])
        pair = judged.means if row["target"] == "seen" else (judged.before[row["target"]], judged.after[row["target"]])
        assert numbers(row, 4) == pytest.approx(judged.transfer(*pair), abs=1e-4, nan_ok=True), row
    assert all(int(row["images"]) > 0 for row in table)
    assert any(0 < float(row["asr"]) < 1 for row in table if row["role"] == "unseen")


def test_the_matrix_is_what_the_networks_say_of_the_written_images(finished, reference):
    table = rows(finished / "table" / "matrix.csv")
    assert {row["target"] for row in table if row["sources"] == "one"} == {"seen", "two", "three", "four"}
    assert {row["target"] for row in table if row["sources"] == "all but one"} == {"seen", "one", "four"}
    for row in table:
        judged = reference.judge(row["search"], row["sources"])
        assert numbers(row, 3) == pytest.approx(judged.matrix(row["target"]), nan_ok=True), row
    assert any(float(row["asr"]) > 0 for row in table if row["target"] != "seen")


def test_an_image_without_room_is_judged_by_its_original(finished, reference):
    for folder in cell_folders(finished):
        row = rows(folder / "attack.csv")[LESION_EVERYWHERE]
        assert row["status"] == "infeasible"
        for path in (folder / "verdicts").iterdir():
            found = numbers(rows(path)[LESION_EVERYWHERE], 1)
            expected = reference.before[path.stem.rpartition("-")[0]][LESION_EVERYWHERE]
            assert found == pytest.approx(expected, abs=1e-5)


def test_the_measures_are_those_of_the_tables(finished):
    found = {row["measure"]: float(row["value"]) for row in rows(finished / "table" / "metrics.csv")}
    expected = {}
    for name, column in (("transfer", "accuracy_after"), ("matrix", "asr")):
        for row in rows(finished / "table" / f"{name}.csv"):
            expected[f"transfer/{column}/{row['search']}/{row['sources']}/{row['target']}"] = float(row[column])
    assert {name: value for name, value in found.items() if name in expected} == pytest.approx(expected, nan_ok=True)
    starts = ("transfer/left_out/", "transfer/searched_on/", "transfer/matrix/")
    assert all(name.startswith(starts) for name in found.keys() - expected.keys())


def mean(values):
    known = [float(value) for value in values if value != "nan"]
    return np.mean(known) if known else np.nan


def test_the_means_of_each_search_are_those_of_the_tables(finished):
    found = {row["measure"]: float(row["value"]) for row in rows(finished / "table" / "metrics.csv")}
    table, matrix = (rows(finished / "table" / f"{name}.csv") for name in ("transfer", "matrix"))
    left_out = [row for row in table if row["sources"] == f"all but {row['target']}"]
    seen = [row for row in table if row["sources"].startswith("all but") and row["role"] == "seen"]
    single = [row for row in matrix if not row["sources"].startswith("all") and row["target"] != "seen"]
    same = partial(pytest.approx, nan_ok=True)
    assert found["transfer/left_out/accuracy_before"] == same(mean(row["accuracy_before"] for row in left_out))
    for search in ("random", "he"):
        for name, column, group in (
            ("left_out/accuracy_after", "accuracy_after", left_out),
            ("searched_on/accuracy_after", "accuracy_after", seen),
            ("matrix/asr", "asr", single),
        ):
            expected = mean(row[column] for row in group if row["search"] == search)
            assert found[f"transfer/{name}/{search}"] == same(expected)


def test_the_folder_holds_tables_and_pictures_and_nothing_else(finished):
    pictures = {"leave_one_out.png", "matrix_random.png", "matrix_he.png"}
    assert tree(finished / "table").keys() == pictures | {"config.yaml", "transfer.csv", "matrix.csv", "metrics.csv"}
    for name in pictures:
        with Image.open(finished / "table" / name) as file:
            assert np.array(file.convert("L")).std() > 0


def test_a_cell_is_a_run_of_its_own_whose_key_gives_the_originals_back(finished, tmp_path):
    dataset = some_data().split("test")
    assert len(cell_folders(finished)) == 2 * len(GROUPS)
    folder = cell_folders(finished)[0]
    results = list(recover_folder(open_key(folder / f"{folder.name}.miadkey"), folder / "marked", tmp_path))
    assert [result.problem for result in results] == [""] * (IMAGES - 1)
    for index, id_ in enumerate(dataset.ids):
        assert index == LESION_EVERYWHERE or np.array_equal(read_image(tmp_path / id_), dataset.pixels(index))


@pytest.fixture
def copied(finished, tmp_path):
    """The finished cells, to be written to."""
    shutil.copytree(finished / "cells", tmp_path / "cells")
    return tmp_path


@pytest.fixture
def work(monkeypatch):
    """What is marked (names of cells) and scored (names of targets) from now on."""
    done = {"marked": [], "scored": []}
    mark, score = cells_module.mark_images, cells_module.score_images

    def marking(data, dataset, task, run, *arguments, **options):
        done["marked"].append(run.name.rpartition("-")[0])
        return mark(data, dataset, task, run, *arguments, **options)

    def scoring(target, *arguments):
        done["scored"].append(target.name)
        return score(target, *arguments)

    monkeypatch.setattr(cells_module, "mark_images", marking)
    monkeypatch.setattr(cells_module, "score_images", scoring)
    return done


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


def few(nets, run, images=6, size=48, **options):
    """A small matrix of two classifiers, so two cells."""
    options = {"protocols": "matrix", "searches": "random"} | options
    transfer(some_data(images, size), names_of(nets), run, **options)


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


def test_as_many_misreading_sources_as_asked_for_are_a_success(nets, tmp_path):
    options = {"protocols": "ensemble", "searches": "random", "success": 1, "scale": 3.0}
    transfer(some_data(30), names_of(nets[:2]), a_run(tmp_path), str(nets[2]), **options)
    (folder,) = cell_folders(tmp_path)
    misread = {}
    for row in rows(folder / "predictions.csv"):
        picked = max(("glioma", "meningioma", "pituitary"), key=lambda name: float(row[name]))
        misread.setdefault((row["image"], row["pixels"]), []).append(picked != row["label"])
    attacked = [row for row in rows(folder / "attack.csv") if row["status"] in ("success", "failed")]
    assert {row["status"] for row in attacked} == {"success", "failed"}
    for row in attacked:
        assert misread[row["image"], "original"] == [False, False]
        assert any(misread[row["image"], "marked"]) == (row["status"] == "success")
    assert any(row["status"] == "success" and row["predicted"] == row["label"] for row in attacked)  # the mean is right


def test_a_classifier_may_have_nearly_any_name(tmp_path):
    names = ["images", "self"]
    few([save_run(tmp_path / "nets" / name, 9) for name in names], a_run(tmp_path))
    assert {row["target"] for row in rows(tmp_path / "table" / "transfer.csv")} == {"seen", *names}


WORDS = ["evaluate", "transfer", "--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0"]
WORDS += ["--data.test", "9", "--run.name", "a", "--run.wandb", "off", "--no_run.progress", "--run.accelerator", "cpu"]


def call(root, *words):
    with pytest.raises(SystemExit) as stop:
        main([*WORDS, "--run.root", str(root), *map(str, words)])
    return stop.value.code


def test_the_command_line_writes_and_shows_the_tables(nets, tmp_path, capsys):
    words = ["--models", names_of(nets[:3]), "--unseen", nets[3], "--searches", "random", "--per_class", "2"]
    assert call(tmp_path, *words, "--protocols", "leave_one_out,ensemble", "--success", "2") == 0
    table = rows(tmp_path / "a" / "transfer.csv")
    assert {row["sources"] for row in table} == {"all but one", "all but two", "all but three", "all"}
    out = capsys.readouterr().out
    assert "accuracy of the model left out" in out
    tested = [float(row["accuracy_after"]) for row in table if row["sources"] == f"all but {row['target']}"]
    shown = next(line for line in out.partition("model left out,")[2].splitlines() if "random" in line)
    assert [float(cell) for cell in shown.split("│")[2:5]] == pytest.approx(tested, abs=5e-4, nan_ok=True)
    assert len(rows(cell_folders(tmp_path)[0] / "attack.csv")) == 6


BAD = [
    (
        ["--searches", "random,best"],
        f"expected one or more of {SEARCH_NAMES}, separated by commas, found 'best'",
    ),
    (
        ["--searches", ","],
        f"expected one or more of {SEARCH_NAMES}, separated by commas, found nothing",
    ),
    (["--protocols", "matrx"], "expected one or more of leave_one_out, matrix, ensemble, separated by commas, found"),
    (["--protocols", "ensemble"], "expected --unseen classifiers to test the ensemble of all models on, found none"),
    (["--models", "{one}"], "expected two or more models, found 1; name them in --models, with commas"),
    (["--models", ""], "expected two or more models, found 0; name them in --models, with commas"),
    (["--models", "{one},nowhere"], "nowhere: no such checkpoint"),
    (["--models", "{one},{one}"], "expected every classifier once, found one, one"),
    (["--unseen", "{two}"], "expected every classifier once, found one, two, two"),
    (["--models", "{one},{other}"], "other tells 2 classes apart (glioma, meningioma), the data have 3"),
    (["--unseen", "{other}"], "other tells 2 classes apart (glioma, meningioma), the data have 3"),
    (["--unseen", "{seen}"], "expected a classifier by another name than 'seen', a word of the tables; rename it"),
    (["--unseen", "{all}"], "expected a classifier by another name than 'all', a word of the tables; rename it"),
    (["--success", "0"], "expected success of mean, all, or 1 to 1 sources, found 0"),
    (["--success", "2"], "expected success of mean, all, or 1 to 1 sources, found 2"),
    (["--per_class", "4"], "expected 4 images of every class, found"),
    (["--per_class", "0"], "expected --per_class of at least 1, found 0"),
    (["--split", "train"], "expected images in the split 'train', found none"),
    (["--scale", "0.5"], "expected --scale of at least 1, found 0.5"),
    (["--scale", "20"], "too small"),
    (["--logo", "nothing.png"], "nothing.png"),
    (["--alpha_min", "0"], "alpha_min"),
    (["--images", "0"], "expected --images of at least 1, found 0"),
    (["--batch_size", "0"], "expected --batch_size of at least 1, found 0"),
    (["--weights", "[1, 2]"], "there is no option --weights"),
]


@pytest.fixture(scope="module")
def odd(nets, tmp_path_factory):
    """Folders of classifiers by the names that the bad words have."""
    root = tmp_path_factory.mktemp("odd")
    other = save_run(root / "other", 1, classes=["glioma", "meningioma"])
    return {"one": nets[0], "two": nets[1], "other": other} | {n: save_run(root / n, 1) for n in ("seen", "all")}


@pytest.mark.parametrize(("words", "expected"), BAD, ids=["-".join(words).strip("-") for words, _ in BAD])
def test_a_bad_word_is_refused_in_one_line_before_anything_is_written(odd, tmp_path, capsys, words, expected):
    models = ["--models", "{one},{two}", "--searches", "random"]
    code = call(tmp_path / "runs", *(word.format(**odd) for word in [*models, *words]))
    err = capsys.readouterr().err
    assert code == 2, err
    assert err.startswith("miad: error: "), err
    assert err.count("\n") == 1
    assert expected in err
    assert not (tmp_path / "runs").exists()


def test_where_no_image_was_attacked_the_tables_have_no_shares(nets, tmp_path, capsys):
    data = some_data(6)
    data.split("test").lesion_mask = lambda index: np.ones((48, 48), bool)
    transfer(data, names_of(nets[:2]), a_run(tmp_path), searches="random")
    table = rows(tmp_path / "table" / "transfer.csv")
    assert {row["images"] for row in table} == {"0"}
    assert all(isnan(value) for row in table for value in numbers(row, 5))
    assert (tmp_path / "table" / "leave_one_out.png").exists()
    assert "-" in capsys.readouterr().out
