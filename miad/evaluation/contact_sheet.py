"""Pictures of results."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from miad.imaging import atomic_path
from miad.tensors import Pixels

_COLUMNS = ("original", "marked", "recovered", "difference")


def contact_sheet(path: Path, rows: Sequence[tuple[str, Pixels, Pixels, Pixels]]) -> None:
    """Draw one row an image: original, marked, recovered, and where recovered differs from the original.

    Args:
        path: PNG to write.
        rows: caption, original, marked, recovered.

    Raises:
        RunError: the folder can not be written.
    """
    figure = Figure(figsize=(2 * len(_COLUMNS), 2.2 * len(rows) + 0.4), layout="constrained")
    axes = figure.subplots(len(rows), len(_COLUMNS), squeeze=False)
    for line, (caption, original, marked, recovered) in zip(axes, rows, strict=True):
        difference = np.abs(original.astype(np.int16) - recovered.astype(np.int16)).astype(np.uint8)
        for axis, pixels in zip(line, (original, marked, recovered, difference), strict=True):
            axis.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
            axis.set_xticks([])
            axis.set_yticks([])
        line[0].set_ylabel(caption, fontsize=7)
        line[-1].set_xlabel(f"largest: {int(difference.max())}", fontsize=7)
    for axis, title in zip(axes[0], _COLUMNS, strict=True):
        axis.set_title(title, fontsize=9)
    with atomic_path(path) as draft:
        figure.savefig(draft, format="png", dpi=110)
