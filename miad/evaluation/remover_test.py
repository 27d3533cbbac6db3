"""What a remover's test leaves: every image's numbers as CSV, and pictures of some."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from miad.evaluation.csv_file import write_csv
from miad.evaluation.picture_grid import Picture, draw_grid
from miad.imaging import from_tensor
from miad.measures import RemovalQuality
from miad.tensors import Images

_BEFORE = "marked_"
"""Before the names of what the marked images have themselves."""
_COLUMNS = ("original", "marked", "removed", "mask found", "error x 10")


class Cleaned(NamedTuple):
    """One image of the pictures; uint8 ``(3, h, w)`` each, the mask ``(1, h, w)``."""

    caption: str
    original: Images
    marked: Images
    removed: Images
    mask: Images


def write_removal(
    path: Path, ids: Sequence[str], removed: RemovalQuality, ious: Tensor, marked: RemovalQuality
) -> None:
    """Write a row an image: how well its mark was removed, and how far it had been from the original.

    Args:
        path: CSV file to write.
        ids: of the images.
        removed: of the images as the remover leaves them.
        ious: of the masks.
        marked: of the marked images.

    Raises:
        RunError: the folder can not be written.
    """
    header = ("image", *removed._fields, "mask_iou", *(f"{_BEFORE}{name}" for name in marked._fields))
    columns = (*(part.tolist() for part in removed), ious.tolist(), *(part.tolist() for part in marked))
    rows = ((id_, *(f"{value:.4f}" for value in values)) for id_, *values in zip(ids, *columns, strict=True))
    write_csv(path, header, rows)


def draw_removal(path: Path, rows: Sequence[Cleaned]) -> None:
    """Draw one row an image: original, marked, what the remover makes of it, its mask, ten times its error.

    Args:
        path: PNG to write.
        rows: at least one.

    Raises:
        RunError: the folder can not be written.
    """
    draw_grid(path, _COLUMNS, [(row.caption, _pictures(row)) for row in rows])


def _pictures(row: Cleaned) -> list[Picture]:
    original, marked, removed = (from_tensor(part, grey=False) for part in (row.original, row.marked, row.removed))
    error = np.abs(removed.astype(np.int16) - original)
    shown = np.minimum(10 * error, 255).astype(np.uint8)
    mask = row.mask[0].cpu().numpy()
    return [*map(Picture, (original, marked, removed, mask)), Picture(shown, f"largest: {int(error.max())}")]
