"""Pictures of images, as PNG, from what cells keep."""

from collections.abc import Sequence

import numpy as np

from miad.evaluation.picture_grid import Picture, grid_figure
from miad.evaluation.protocols.drawing import png
from miad.evaluation.protocols.found import Shown
from miad.evaluation.report.document import Figure


def picture_figure(
    name: str, title: str, rows: Sequence[tuple[str, Sequence[Shown]]], text: str, note: str = ""
) -> list[Figure]:
    """A row an image, a column a kind; nothing where there is no picture.

    Args:
        name: of the figure.
        title: one line.
        rows: caption and pictures.
        text: for those who can not see it.
        note: under it.
    """
    kinds = list(dict.fromkeys(shown.kind for _, row in rows for shown in row))
    if not kinds:
        return []
    some = next(shown for _, row in rows for shown in row)
    blank = Picture(np.full(some.pixels.shape[:2], 255, np.uint8), "none")
    grid = []
    for caption, row in rows:
        own = {shown.kind: Picture(shown.pixels, shown.note.replace(" (", "\n(")) for shown in row}
        grid.append((caption, [own.get(kind, blank) for kind in kinds]))
    canvas = grid_figure([kind.replace(": ", ":\n") for kind in kinds], grid)
    return [Figure(name, title, png(canvas), text, note)]


def by_image(shown: Sequence[Shown], kinds: Sequence[str] = ()) -> list[tuple[str, list[Shown]]]:
    """Pictures of one image in a row, in the order of the kinds (all by default); the caption is the label."""
    images = dict.fromkeys(one.image for one in shown)
    rows = []
    for image in images:
        own = {one.kind: one for one in shown if one.image == image}
        chosen = [own[kind] for kind in (kinds or own) if kind in own]
        if chosen:
            rows.append((chosen[0].label, chosen))
    return rows
