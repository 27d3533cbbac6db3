"""Pictures of how marks were kept off lesions (MIAD-MARK's Figures 3 and 9).

All is drawn over the marked image, so that the pictures show no more than what is published.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from miad.imaging import atomic_path
from miad.tasks import LesionView
from miad.tensors import LesionMask

_COLUMNS = ("heatmap", "mask", "blocked", "corners left", "marked")
_GIVEN, _FOUND, _BLOCKED = "lime", "orange", "red"


def draw_lesions(path: Path, views: Sequence[LesionView]) -> None:
    """Draw one row an image: heatmap, mask, what is blocked, the corners that are left, the marked image.

    Args:
        path: PNG to write.
        views: at least one.

    Raises:
        RunError: the folder can not be written.
    """
    figure = Figure(figsize=(2 * len(_COLUMNS), 2 * len(views) + 0.6), layout="constrained")
    axes = figure.subplots(len(views), len(_COLUMNS), squeeze=False)
    for line, view in zip(axes, views, strict=True):
        _draw_row(line, view)
    for axis, title in zip(axes[0], _COLUMNS, strict=True):
        axis.set_title(title, fontsize=9)
    figure.supxlabel(f"mask: {_FOUND}; given lesion: {_GIVEN}; blocked: {_BLOCKED}; corner taken: cross", fontsize=8)
    with atomic_path(path) as draft:
        figure.savefig(draft, format="png", dpi=110)


def _draw_row(line: Sequence[Axes], view: LesionView) -> None:
    for axis in line:
        axis.imshow(view.marked, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        axis.set_xticks([])
        axis.set_yticks([])
    heat, mask, blocked, corners, marked = line
    heat.imshow(view.shades, cmap="inferno", vmin=0, vmax=255, alpha=0.6)
    outline(mask, view.mask, _FOUND)
    _tint(blocked, view.blocked, _BLOCKED)
    _tint(corners, view.corners, "deepskyblue")
    corners.plot(*view.corner, "x", color="white", markersize=6, clip_on=False)
    for axis in (mask, marked):
        outline(axis, view.lesion, _GIVEN)
    line[0].set_ylabel(view.caption, fontsize=7)


def outline(axis: Axes, mask: LesionMask, colour: str) -> None:
    """Draw a mask's edge; one that is empty or everywhere has none."""
    if mask.any() and not mask.all():
        axis.contour(mask, levels=[0.5], colors=colour, linewidths=0.9)


def _tint(axis: Axes, mask: LesionMask, colour: str) -> None:
    shown = np.ma.masked_where(~mask, mask)
    axis.imshow(shown, cmap=ListedColormap([colour]), alpha=0.45, interpolation="nearest")
