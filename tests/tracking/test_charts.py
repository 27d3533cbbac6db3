"""W&B's charts hold what scikit-learn computes from the same predictions."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import wandb
from lightning.pytorch.loggers import WandbLogger
from sklearn.metrics import auc, confusion_matrix, precision_recall_curve, roc_auc_score

from miad.measures import SegmentationScores
from miad.tracking import log_attack, log_classification, log_precision_recall, log_table
from miad.tracking.dashboard import _CHARTS, _chart
from miad.tracking.sections import SECTIONS

CLASSES = ("glioma", "meningioma", "pituitary")


class Notes(WandbLogger):
    """W&B's logger with nothing behind it: keeps what is logged."""

    def __init__(self):
        self.items = {}

    @property
    def experiment(self):
        return SimpleNamespace(log=self.items.update)


@pytest.fixture
def notes():
    return Notes()


def predictions(count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 3
    scores = torch.randn(count, 3, generator=generator) + torch.nn.functional.one_hot(labels, 3)
    return scores.softmax(1), labels


def curves(chart):
    """x and y of every line."""
    name, x, y = (chart.table.columns.index(chart.spec.fields[axis]) for axis in ("class", "x", "y"))
    found = {}
    for row in chart.table.data:
        found.setdefault(row[name], []).append((row[x], row[y]))
    return {name: np.array(points).T for name, points in found.items()}


@pytest.mark.parametrize("count", [30, 3000], ids=["all points", "thinned"])
def test_roc_curves_have_scikit_learn_s_area(notes, count):
    probabilities, labels = predictions(count)
    log_classification([notes], "test", CLASSES, probabilities, labels)
    found = curves(notes.items["test/roc"])
    truth = torch.nn.functional.one_hot(labels, 3)
    expected = {name: roc_auc_score(truth[:, index], probabilities[:, index]) for index, name in enumerate(CLASSES)}
    expected["micro average"] = roc_auc_score(truth.flatten(), probabilities.flatten())
    assert found.keys() == expected.keys()
    for name, (x, y) in found.items():
        assert auc(x, y) == pytest.approx(expected[name], abs=1e-6 if count == 30 else 5e-3)
        assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert len(notes.items["test/roc"].table.data) <= 10_000  # what W&B draws


def counts(chart):
    matrix = np.zeros((3, 3), int)
    for label, predicted, count in chart.table.data:
        matrix[CLASSES.index(label), CLASSES.index(predicted)] = count
    return matrix


def test_the_confusion_matrix_is_scikit_learn_s(notes):
    probabilities, labels = predictions(50)
    log_classification([notes], "test", CLASSES, probabilities, labels)
    assert np.array_equal(counts(notes.items["test/confusion"]), confusion_matrix(labels, probabilities.argmax(1)))


def test_an_attack_s_charts_are_those_of_its_targets_and_of_the_sources_mean(notes):
    before, labels = predictions(40)
    other, after = predictions(40, 1)[0], predictions(40, 2)[0]
    entries = [
        SimpleNamespace(
            label=int(labels[index]),
            before=[before[index].tolist(), other[index].tolist(), other[index].tolist()],
            after=[after[index].tolist(), other[index].tolist(), other[index].tolist()],
        )
        for index in range(40)
    ]
    log_attack([notes], entries, CLASSES, ["one", "two", "unseen"], [0.75, 0.25])
    truth = torch.nn.functional.one_hot(labels, 3).flatten()
    found = curves(notes.items["roc"])
    assert found.keys() == {
        f"{name}, {pixels}" for name in ("one", "two", "unseen") for pixels in ("original", "marked")
    }
    for name, values in (("one, original", before), ("one, marked", after), ("unseen, marked", other)):
        assert auc(*found[name]) == pytest.approx(roc_auc_score(truth, values.flatten()), abs=1e-3)
    for pixels, values in (("original", before), ("marked", after)):
        mean = 0.75 * values + 0.25 * other
        assert np.array_equal(counts(notes.items[f"confusion/{pixels}"]), confusion_matrix(labels, mean.argmax(1)))


def test_precision_and_recall_are_scikit_learn_s(notes):
    generator = torch.Generator().manual_seed(0)
    masks = torch.rand(2, 1, 16, 16, generator=generator) < 0.3
    probabilities = (torch.randn(2, 1, 16, 16, generator=generator) + masks).sigmoid()
    scores = SegmentationScores(["lesion"])
    scores.update(probabilities, masks)
    log_precision_recall([notes], "test", scores)
    recall, precision = curves(notes.items["test/precision_recall"])["lesion"]
    known = {
        (round(x, 4), round(y, 4))
        for y, x, _ in zip(*precision_recall_curve(masks.flatten(), probabilities.flatten()), strict=False)
    }
    inside = [(round(x, 4), round(y, 4)) for x, y in zip(recall, precision, strict=True) if y > 0]
    assert len(inside) > 50
    assert set(inside) <= known


def test_a_table_has_the_rows_that_it_is_given(notes):
    log_table([notes], "some/table", ("name", "value"), [("a", 1.5), ("b", float("nan"))])
    table = notes.items["some/table"]
    assert table.columns == ["name", "value"]
    assert table.data[0] == ["a", 1.5]
    assert isinstance(table, wandb.Table)


def test_other_loggers_are_left_alone():
    logger = SimpleNamespace()  # any call on it would fail
    log_table([logger], "some/table", ("name",), [("a",)])
    assert vars(logger) == {}


def test_a_dashboard_s_charts_read_the_columns_that_are_logged(notes):
    pytest.importorskip("wandb_workspaces")
    log_classification([notes], "test", CLASSES, *predictions(10))
    scores = SegmentationScores(["lesion"])
    scores.update(torch.rand(1, 1, 8, 8), torch.rand(1, 1, 8, 8) < 0.5)
    log_precision_recall([notes], "test", scores)
    charts = {panel.names[0]: panel for section in SECTIONS for panel in section.panels if panel.kind == "chart"}
    for name, logged in notes.items.items():
        panel = _chart(charts[name])
        assert panel.chart_name == logged.spec.spec_name
        assert panel.chart_fields == logged.spec.fields
        assert set(panel.chart_fields.values()) == set(logged.table.columns)
        logged.set_key(name)
        assert json.dumps(panel.query).count(logged.spec.table_key) == 1
    assert {name.split("/")[-1] for name in notes.items} == _CHARTS.keys()
