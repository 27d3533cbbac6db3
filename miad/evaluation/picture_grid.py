"""Pictures in rows and columns."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from matplotlib.figure import Figure

from miad.imaging import atomic_path
from miad.tensors import Pixels


class Picture(NamedTuple):
    """One picture, and what is written under it."""

    pixels: Pixels
    note: str = ""


def draw_grid(
    path: Path, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[Picture]]], footer: str = ""
) -> None:
    """Draw a caption and some pictures a row.

    Args:
        path: PNG to write.
        columns: a title for every picture of a row.
        rows: at least one.
        footer: what the notes mean.

    Raises:
        RunError: the folder can not be written.
    """
    figure = grid_figure(columns, rows, footer)
    with atomic_path(path) as draft:
        figure.savefig(draft, format="png", dpi=110)


def grid_figure(columns: Sequence[str], rows: Sequence[tuple[str, Sequence[Picture]]], footer: str = "") -> Figure:
    """The same as a figure that is not written yet."""
    tallest = max(picture.pixels.shape[0] / picture.pixels.shape[1] for _, pictures in rows for picture in pictures)
    noted = any(picture.note for _, pictures in rows for picture in pictures)
    lines = max(title.count("\n") for title in columns)
    height = (2 * tallest + (0.2 if noted else 0)) * len(rows) + 0.4 + 0.2 * lines
    figure = Figure(figsize=(2 * len(columns), height), layout="constrained")
    axes = figure.subplots(len(rows), len(columns), squeeze=False)
    for line, (caption, pictures) in zip(axes, rows, strict=True):
        for axis, picture in zip(line, pictures, strict=True):
            axis.imshow(picture.pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axis.set(xticks=[], yticks=[])
            axis.set_xlabel(picture.note, fontsize=7)
        line[0].set_ylabel(caption, fontsize=7)
    for axis, title in zip(axes[0], columns, strict=True):
        axis.set_title(title, fontsize=9)
    if footer:
        figure.supxlabel(footer, fontsize=8)
    return figure
