"""Transfer tables against predictions made one by one from the written files."""

from functools import cache, partial
from math import isnan, nan

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score

from miad.commands.evaluate import transfer
from miad.imaging import read_image, to_tensor
from miad.keys import open_key, recover_folder
from miad.measures import psnr, ssim
from miad.models import load_classifier

from ..conftest import tree
from .conftest import GROUPS, IMAGES, LESION_EVERYWHERE, a_run, cell_folders, names_of, rows, some_data


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


def test_where_no_image_was_attacked_the_tables_have_no_shares(nets, tmp_path, capsys):
    data = some_data(6)
    data.split("test").lesion_mask = lambda index: np.ones((48, 48), bool)
    transfer(data, names_of(nets[:2]), a_run(tmp_path), searches="random")
    table = rows(tmp_path / "table" / "transfer.csv")
    assert {row["images"] for row in table} == {"0"}
    assert all(isnan(value) for row in table for value in numbers(row, 5))
    assert (tmp_path / "table" / "leave_one_out.png").exists()
    assert "-" in capsys.readouterr().out
