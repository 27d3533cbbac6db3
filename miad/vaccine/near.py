"""Where a delta of the family ``near`` may be."""

import torch
from torch import Tensor


def around(shape: tuple[int, int], place: tuple[int, int], logo: tuple[int, int], margin: int) -> Tensor:
    """A box around a mark, cut at the image's edges: bool ``(h, w)``.

    Args:
        shape: height and width of the image.
        place: x and y of the mark's upper left corner.
        logo: height and width of the mark.
        margin: pixels on every side of it.
    """
    (x, y), (height, width) = place, logo
    box = torch.zeros(shape, dtype=torch.bool)
    box[max(0, y - margin) : y + height + margin, max(0, x - margin) : x + width + margin] = True
    return box
