"""What a classifier's test leaves: predictions, ROC curves and the confusion matrix as CSV, and their pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.calibration import calibration_curve

from miad.evaluation.csv_file import write_csv
from miad.imaging import atomic_path
from miad.measures import calibration_error, confusion_matrix, roc_curves
from miad.tensors import Labels, Probabilities

_MICRO = "micro average"
_BINS = 15


def write_classification(
    folder: Path, ids: Sequence[str], classes: Sequence[str], probabilities: Probabilities, labels: Labels
) -> None:
    """Write ``predictions.csv``, ``roc.csv`` and ``confusion.csv``.

    Args:
        folder: the run's folder.
        ids: of the images.
        classes: names of the classes.
        probabilities: float ``(n, c)``.
        labels: int64 ``(n,)``.

    Raises:
        RunError: the folder can not be written.
    """
    predictions = (
        (id_, classes[label], classes[int(row.argmax())], *(f"{p:.6f}" for p in row.tolist()))
        for id_, label, row in zip(ids, labels.tolist(), probabilities, strict=True)
    )
    write_csv(folder / "predictions.csv", ("image", "label", "predicted", *classes), predictions)
    points = (
        (_MICRO if index is None else classes[index], *(f"{value:.6f}" for value in point))
        for index, curve in roc_curves(probabilities, labels).items()
        for point in zip(*(part.tolist() for part in curve), strict=True)
    )
    write_csv(folder / "roc.csv", ("class", "false_positive_rate", "true_positive_rate", "threshold"), points)
    matrix = confusion_matrix(probabilities, labels).tolist()
    rows = ((name, *row) for name, row in zip(classes, matrix, strict=True))
    write_csv(folder / "confusion.csv", ("label", *(f"predicted {name}" for name in classes)), rows)


def draw_classification(
    folder: Path, classes: Sequence[str], probabilities: Probabilities, labels: Labels
) -> list[Path]:
    """Draw ``roc.png``, ``confusion.png`` and ``calibration.png``; returns their paths.

    Raises:
        RunError: the folder can not be written.
    """
    figures = {
        "roc": _draw_roc(classes, probabilities, labels),
        "confusion": _draw_confusion(classes, probabilities, labels),
        "calibration": _draw_calibration(probabilities, labels),
    }
    for name, figure in figures.items():
        with atomic_path(folder / f"{name}.png") as draft:
            figure.savefig(draft, format="png", dpi=110)
    return [folder / f"{name}.png" for name in figures]


def _draw_roc(classes: Sequence[str], probabilities: Probabilities, labels: Labels) -> Figure:
    figure, axes = _square("false positive rate", "true positive rate")
    for index, curve in roc_curves(probabilities, labels).items():
        name = _MICRO if index is None else classes[index]
        colour, width = ("black", 2.0) if index is None else (f"C{index}", 1.2)
        x, y = curve.false_positive_rate.numpy(), curve.true_positive_rate.numpy()
        axes.plot(x, y, color=colour, linewidth=width, label=f"{name} (AUC {np.trapezoid(y, x):.3f})")
    axes.plot((0, 1), (0, 1), color="grey", linewidth=0.8, linestyle=":")
    axes.legend(loc="lower right", fontsize=8)
    return figure


def _draw_confusion(classes: Sequence[str], probabilities: Probabilities, labels: Labels) -> Figure:
    matrix = confusion_matrix(probabilities, labels)
    share = matrix / matrix.sum(1, keepdim=True).clamp(min=1)
    side = 2.2 + 0.7 * len(classes)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    axes.imshow(share.numpy(), cmap="Blues", vmin=0, vmax=1)
    for row, counts in enumerate(matrix.tolist()):
        for column, count in enumerate(counts):
            dark = float(share[row, column]) > 0.5
            axes.text(column, row, str(count), ha="center", va="center", color="white" if dark else "black")
    axes.set_xticks(range(len(classes)), classes, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(classes)), classes, fontsize=8)
    axes.set(xlabel="predicted", ylabel="label")
    return figure


def _draw_calibration(probabilities: Probabilities, labels: Labels) -> Figure:
    figure, axes = _square("confidence", "accuracy")
    confidence, predicted = probabilities.max(1)
    correct = (predicted == labels).numpy()
    accuracy, mean = calibration_curve(correct, confidence.clamp(0, 1).numpy(), n_bins=_BINS, pos_label=True)
    axes.plot((0, 1), (0, 1), color="grey", linewidth=0.8, linestyle=":")
    axes.plot(mean, accuracy, marker="o", markersize=4)
    error = calibration_error(probabilities, labels, _BINS)
    axes.set_title(f"expected calibration error {error:.3f}", fontsize=9)
    return figure


def _square(xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.6, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel=xlabel, ylabel=ylabel, aspect="equal")
    return figure, axes
