"""Originals, marked and recovered images side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from miad.evaluation.picture_grid import Picture, draw_grid
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
    draw_grid(path, _COLUMNS, [(caption, _pictures(*pictures)) for caption, *pictures in rows])


def _pictures(original: Pixels, marked: Pixels, recovered: Pixels) -> list[Picture]:
    difference = np.abs(original.astype(np.int16) - recovered.astype(np.int16)).astype(np.uint8)
    note = f"largest: {int(difference.max())}"
    return [Picture(original), Picture(marked), Picture(recovered), Picture(difference, note)]
