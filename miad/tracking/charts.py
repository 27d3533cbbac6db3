"""Curves, confusion matrices and tables as W&B's own charts, which can be looked at together for many runs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
import wandb
from lightning.pytorch.loggers import Logger, WandbLogger
from torch import Tensor

from miad.measures import Curve, SegmentationScores, confusion_matrix, precision_recall, roc_curves
from miad.tasks import Entry
from miad.tensors import Labels, Probabilities

_MICRO = "micro average"
_POINTS = 200
"""Of a curve; W&B draws at most 10,000 a chart."""


def log_classification(
    loggers: Sequence[Logger], stage: str, classes: Sequence[str], probabilities: Probabilities, labels: Labels
) -> None:
    """Log ROC curves, one a class against the others and their micro average, and the confusion matrix.

    Args:
        loggers: those that are not W&B's are left alone.
        stage: goes before the charts' names.
        classes: names of the classes.
        probabilities: float ``(n, c)``.
        labels: int64 ``(n,)``.
    """
    curves = roc_curves(probabilities, labels)
    named = {_MICRO if index is None else classes[index]: curve for index, curve in curves.items()}
    charts = {
        f"{stage}/roc": roc_chart(named),
        f"{stage}/confusion": confusion_chart(classes, confusion_matrix(probabilities, labels)),
    }
    _log(loggers, charts)


def log_attack(
    loggers: Sequence[Logger],
    entries: Sequence[Entry],
    classes: Sequence[str],
    targets: Sequence[str],
    weights: Sequence[float],
) -> None:
    """Log every target's micro average ROC curve before and after, and the sources' confusion matrices.

    Args:
        loggers: those that are not W&B's are left alone.
        entries: one an image; all count, as they are published.
        classes: names of the classes.
        targets: names in the order of the entries' probabilities, sources first.
        weights: of the sources.
    """
    labels = torch.tensor([entry.label for entry in entries])
    when = {"original": [entry.before for entry in entries], "marked": [entry.after for entry in entries]}
    curves: dict[str, Curve] = {}
    charts = {}
    for pixels, lists in when.items():
        probabilities = torch.tensor(lists)
        for index, target in enumerate(targets):
            curves[f"{target}, {pixels}"] = roc_curves(probabilities[:, index], labels)[None]
        mean = torch.einsum("nkc,k->nc", probabilities[:, : len(weights)], torch.tensor(weights))
        charts[f"confusion/{pixels}"] = confusion_chart(classes, confusion_matrix(mean, labels))
    _log(loggers, {"roc": roc_chart(curves), **charts})


def log_precision_recall(loggers: Sequence[Logger], stage: str, scores: SegmentationScores) -> None:
    """Log precision over recall, a curve for each kind of lesion.

    Args:
        loggers: those that are not W&B's are left alone.
        stage: goes before the chart's name.
        scores: of all images.
    """
    curves = zip(*precision_recall(scores.positives.cpu(), scores.negatives.cpu()), strict=True)
    rows = [
        [kind, x, y]
        for kind, (precision, recall) in zip(scores.kinds, curves, strict=True)
        for x, y in _thinned(recall, precision)
    ]
    _log(loggers, {f"{stage}/precision_recall": _area_chart(("class", "recall", "precision"), rows)})


def log_table(loggers: Sequence[Logger], key: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Log a table of words and numbers.

    Args:
        loggers: those that are not W&B's are left alone.
        key: its name.
        columns: their names.
        rows: with as many cells each.
    """
    _log(loggers, {key: _table(columns, [list(row) for row in rows])})


def roc_chart(curves: Mapping[str, Curve]) -> Any:  # noqa: ANN401  (wandb is untyped here)
    """W&B's chart of ROC curves."""
    rows = [
        [name, x, y]
        for name, curve in curves.items()
        for x, y in _thinned(curve.false_positive_rate, curve.true_positive_rate)
    ]
    return _area_chart(("class", "false positive rate", "true positive rate"), rows)


def confusion_chart(classes: Sequence[str], matrix: Tensor) -> Any:  # noqa: ANN401
    """W&B's chart of a confusion matrix, int64 ``(c, c)`` by label and predicted class."""
    columns = ["Actual", "Predicted", "nPredictions"]  # as W&B's own are called, which its chart knows
    rows = [
        [classes[label], classes[predicted], count]
        for label, line in enumerate(matrix.tolist())
        for predicted, count in enumerate(line)
    ]
    fields = {name: name for name in columns}
    return wandb.plot_table("wandb/confusion_matrix/v1", _table(columns, rows), fields, {"title": ""})


def _area_chart(columns: Sequence[str], rows: list[list[object]]) -> Any:  # noqa: ANN401
    """A line for every word of the first column, over the second."""
    name, x, y = columns
    fields = {"x": x, "y": y, "class": name}
    axes = {"title": "", "x-axis-title": x, "y-axis-title": y}
    return wandb.plot_table("wandb/area-under-curve/v0", _table(columns, rows), fields, axes)


def _table(columns: Sequence[str], rows: list[list[object]]) -> Any:  # noqa: ANN401
    """A table that is kept in the run's folder alone.

    Of a table, W&B also makes an artifact, whose files lie below the user's home until they are sent, and writes their
    paths into the run; it does not know this one for a table.
    """
    table = wandb.Table(columns=list(columns), data=rows)
    table._log_type = "table of a run"
    return table


def _thinned(first: Tensor, second: Tensor) -> list[tuple[float, float]]:
    """Points of a curve, evenly many steps apart where there are too many, the ends kept."""
    chosen = torch.linspace(0, len(first) - 1, min(_POINTS, len(first))).round().long()
    return list(zip(first[chosen].tolist(), second[chosen].tolist(), strict=True))


def _log(loggers: Sequence[Logger], items: Mapping[str, Any]) -> None:
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            logger.experiment.log(dict(items))
