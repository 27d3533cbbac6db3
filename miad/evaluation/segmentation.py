"""What a segmenter's test leaves: every image's numbers as CSV, and pictures of curves and of some images."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from miad.evaluation.csv_file import write_csv
from miad.evaluation.lesion_figures import outline
from miad.imaging import atomic_path
from miad.measures import THRESHOLD, Overlap, SegmentationScores, average_precision, precision_recall
from miad.tensors import KindMasks, Pixels

_HEADER = ("image", "kind", "dice", "iou", "true_pixels", "predicted_pixels", "lesions", "found")
_COLUMNS = ("image", "true", "predicted", "probability")


class Segmented(NamedTuple):
    """One image of a contact sheet."""

    caption: str
    pixels: Pixels
    masks: KindMasks
    probabilities: Tensor
    """float ``(k, h, w)``."""


def write_segmentation(path: Path, ids: Sequence[str], kinds: Sequence[str], overlaps: Sequence[Overlap]) -> None:
    """Write a row for every image and kind; dice and iou are empty where neither truth nor prediction has a lesion.

    Args:
        path: CSV file to write.
        ids: of the images.
        kinds: kinds of lesions.
        overlaps: of each image.

    Raises:
        RunError: the folder can not be written.
    """
    rows = (
        (id_, kind, *_measures(own, index))
        for id_, own in zip(ids, overlaps, strict=True)
        for index, kind in enumerate(kinds)
    )
    write_csv(path, _HEADER, rows)


def _measures(own: Overlap, kind: int) -> tuple[object, ...]:
    counts = tuple(int(part[kind]) for part in (own.true, own.predicted, own.lesions, own.found))
    empty = not (counts[0] or counts[1])
    shares = ("", "") if empty else (f"{float(own.dice[kind]):.6f}", f"{float(own.iou[kind]):.6f}")
    return (*shares, *counts)


def draw_segmentation(path: Path, kinds: Sequence[str], rows: Sequence[Segmented]) -> None:
    """Draw one row an image: the image, true outlines, predicted outlines, the highest probability of any kind.

    Args:
        path: PNG to write.
        kinds: kinds of lesions; each has a colour.
        rows: the images.

    Raises:
        RunError: the folder can not be written.
    """
    tallest = max(row.pixels.shape[0] / row.pixels.shape[1] for row in rows)
    figure = Figure(figsize=(2 * len(_COLUMNS), 2 * tallest * len(rows) + 0.6), layout="constrained")
    axes = figure.subplots(len(rows), len(_COLUMNS), squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        for axis in line[:3]:
            axis.imshow(row.pixels, cmap="gray", vmin=0, vmax=255)
        _outline_kinds(line[1], row.masks)
        _outline_kinds(line[2], (row.probabilities >= THRESHOLD).numpy())
        line[3].imshow(row.probabilities.amax(0).numpy(), cmap="magma", vmin=0, vmax=1)
        line[0].set_ylabel(row.caption, fontsize=7)
        for axis in line:
            axis.set(xticks=[], yticks=[])
    for axis, title in zip(axes[0], _COLUMNS, strict=True):
        axis.set_title(title, fontsize=9)
    if len(kinds) > 1:
        colours = [Line2D([], [], color=f"C{index}") for index in range(len(kinds))]
        figure.legend(colours, kinds, loc="outside lower center", ncols=len(kinds), fontsize=8, frameon=False)
    with atomic_path(path) as draft:
        figure.savefig(draft, format="png", dpi=110)


def _outline_kinds(axis: Axes, masks: KindMasks) -> None:
    for index, mask in enumerate(masks):
        outline(axis, mask, f"C{index}")


def draw_precision_recall(path: Path, scores: SegmentationScores) -> None:
    """Draw each kind's precision over recall, and its average precision.

    Args:
        path: PNG to write.
        scores: of all images.

    Raises:
        RunError: the folder can not be written.
    """
    figure = Figure(figsize=(4.6, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(0, 1.01), xlabel="recall", ylabel="precision", aspect="equal")
    average = average_precision(scores.positives, scores.negatives).tolist()
    curves = zip(*precision_recall(scores.positives.cpu(), scores.negatives.cpu()), strict=True)
    for kind, area, (precision, recall) in zip(scores.kinds, average, curves, strict=True):
        axes.plot(recall.numpy(), precision.numpy(), drawstyle="steps-pre", label=f"{kind} ({area:.3f})")
    axes.legend(title="average precision", fontsize=8)
    with atomic_path(path) as draft:
        figure.savefig(draft, format="png", dpi=110)
