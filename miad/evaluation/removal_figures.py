"""Pictures of removal: the matrix, and what adversaries leave of an image (MIAD-MARK's Figure 10)."""

from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from miad.evaluation.picture_grid import Picture, draw_grid
from miad.evaluation.removal_study import Attempt, Case
from miad.evaluation.removal_tables import Row
from miad.imaging import atomic_path, from_tensor
from miad.tensors import to_levels


def draw_removal_matrix(path: Path, rows: Sequence[Row]) -> None:
    """Draw three matrices, cases down and adversaries across: PSNR as a whole and inside of the mark, and accuracy.

    Args:
        path: PNG to write.
        rows: of `removal_matrix`.

    Raises:
        RunError: the folder can not be written.
    """
    cases = list(dict.fromkeys(Case.of(row).title for row in rows))
    adversaries = list(dict.fromkeys(str(row["removed_by"]) for row in rows))
    figure = Figure(figsize=(3 + 0.7 * len(adversaries), 3 + 1.05 * len(cases)), layout="constrained")
    axes = figure.subplots(3, 1)
    for axis, measure, title, digits, limits in (
        (axes[0], "psnr_protected", "PSNR to the original plus delta, whole image (dB)", 1, (10, 50)),
        (axes[1], "psnr_inside_protected", "PSNR to the original plus delta, inside the mark (dB)", 1, (10, 50)),
        (axes[2], "accuracy", "accuracy of the classifiers", 2, (0, 1)),
    ):
        values = {(Case.of(row).title, str(row["removed_by"])): float(row[measure]) for row in rows}
        _draw_cells(axis, cases, adversaries, values, digits, limits)
        axis.set_title(title, fontsize=9)
    figure.supylabel("delta, and the removers that it was made on", fontsize=9)
    figure.supxlabel("removed by", fontsize=9)
    with atomic_path(path) as draft:
        figure.savefig(draft, format="png", dpi=110)


def _draw_cells(
    axis: Axes,
    lines: Sequence[str],
    columns: Sequence[str],
    values: Mapping[tuple[str, str], float],
    digits: int,
    limits: tuple[float, float],
) -> None:
    table = np.array([[values.get((line, column), np.nan) for column in columns] for line in lines])
    axis.imshow(table, cmap="Blues", vmin=limits[0], vmax=limits[1], aspect="auto")
    middle = limits[0] + 0.6 * (limits[1] - limits[0])
    for line, column in np.ndindex(*table.shape):
        value = float(table[line, column])
        if not isnan(value):
            colour = "white" if value > middle else "black"
            axis.text(column, line, f"{value:.{digits}f}", ha="center", va="center", color=colour, fontsize=7)
    axis.set_xticks(range(len(columns)), columns, rotation=35, ha="right", fontsize=8)
    axis.set_yticks(range(len(lines)), lines, fontsize=8)


class Album:
    """What adversaries leave of one image: a row a case, a column an adversary, and one for the mask it sees."""

    def __init__(self) -> None:
        self._rows: dict[Case, dict[str, Picture]] = {}

    def add(self, attempt: Attempt, index: int, note: str, *, grey: bool) -> None:
        """One more picture.

        Args:
            attempt: of a batch.
            index: which image of it.
            note: to write under it.
            grey: whether the image is.
        """
        row = self._rows.setdefault(attempt.case, {})
        row[attempt.removed_by] = Picture(from_tensor(attempt.images[index], grey=grey), note)
        if attempt.masks is not None:
            row[f"{attempt.removed_by}: mask"] = Picture(to_levels(attempt.masks[index])[0].cpu().numpy())

    def draw(self, path: Path) -> None:
        """Draw all.

        Raises:
            RunError: the folder can not be written.
        """
        columns = list(dict.fromkeys(column for row in self._rows.values() for column in row))
        some = next(iter(next(iter(self._rows.values())).values()))
        blank = Picture(np.full_like(some.pixels, 255), "none")
        rows = [(case.title, [row.get(column, blank) for column in columns]) for case, row in self._rows.items()]
        draw_grid(path, columns, rows, "dB: PSNR of the whole image to the original plus delta")
