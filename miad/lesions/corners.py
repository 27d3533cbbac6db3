"""From what must stay free to the top-left corners that a logo may take, for a whole batch at once.

MIAD-MARK's Algorithm 3 keeps only the top-left corner of the logo off the lesion, so that the logo may still cover it;
MedLocker's step 5 grows the boxes by the logo's size. Here a corner is free only if no pixel of the logo's rectangle,
or no pixel that is drawn, meets what is blocked.
"""

from typing import Literal, TypeAlias

import torch
from torch import Tensor

Place: TypeAlias = Literal["anywhere", "outside", "inside"]
"""Where the logo may stand: anywhere (MedLocker's WAP), off what is blocked (WSM-out), or only on it (WSM-in)."""


def allowed_corners(blocked: Tensor, drawn: Tensor, sizes: Tensor, place: Place = "outside") -> Tensor:
    """The top-left corners that keep a logo inside the image and off what is blocked.

    Args:
        blocked: bool ``(n, h, w)``.
        drawn: bool ``(n, h', w')``, each image's logo, padded with false at the bottom and right.
        sizes: int64 ``(n, 2)``, each logo's own height and width, at most the image's.
        place: ``inside`` allows the corners from which the logo meets what is blocked instead (an ablation: such a mark
            covers what it should not), ``anywhere`` all from which it stays inside the image.

    Returns:
        bool ``(n, h, w)``, on the device of ``blocked``: entry (y, x) for a logo whose corner is at column x, row y.
    """
    fits = _inside_image(blocked, sizes)
    if place == "anywhere":
        return fits
    solid = _is_rectangle(drawn, sizes)
    meets = _rectangle_meets(blocked, sizes) if solid else _drawn_meets(blocked, drawn)
    return fits & (meets if place == "inside" else ~meets)


def cropped_corners(allowed: Tensor, sizes: Tensor) -> list[Tensor]:
    """Each logo's corners without those from which it would leave the image, bool ``(h - h' + 1, w - w' + 1)``.

    Args:
        allowed: bool ``(n, h, w)``.
        sizes: int64 ``(n, 2)``, each logo's own height and width.
    """
    rows, columns = allowed.shape[1:]
    return [
        free[: rows - height + 1, : columns - width + 1]
        for free, (height, width) in zip(allowed, sizes.tolist(), strict=True)
    ]


def _inside_image(blocked: Tensor, sizes: Tensor) -> Tensor:
    y, x = _grid(blocked)
    height, width = sizes.to(blocked.device)[:, :, None, None].unbind(1)
    return (y + height <= blocked.shape[1]) & (x + width <= blocked.shape[2])


def _is_rectangle(drawn: Tensor, sizes: Tensor) -> bool:
    return bool((drawn.sum((1, 2)) == sizes.to(drawn.device).prod(1)).all())


def _rectangle_meets(blocked: Tensor, sizes: Tensor) -> Tensor:
    """Whether each image's rectangle holds a blocked pixel, from sums over all rectangles that begin at the origin."""
    count, rows, columns = blocked.shape
    sums = torch.zeros(count, rows + 1, columns + 1, dtype=torch.int64, device=blocked.device)
    sums[:, 1:, 1:] = blocked.long().cumsum(1).cumsum(2)
    y, x = _grid(blocked)
    height, width = sizes.to(blocked.device)[:, :, None, None].unbind(1)
    bottom, right = (y + height).clamp(max=rows), (x + width).clamp(max=columns)
    image = torch.arange(count, device=blocked.device)[:, None, None]
    covered = sums[image, bottom, right] - sums[image, y, right] - sums[image, bottom, x] + sums[image, y, x]
    return covered > 0


def _drawn_meets(blocked: Tensor, drawn: Tensor) -> Tensor:
    """Whether a drawn pixel falls on a blocked one: a correlation, which double precision counts exactly."""
    # Circular, but a logo that stays inside the image never wraps.
    size = (blocked.shape[1], blocked.shape[2])
    spectrum = torch.fft.rfft2(blocked.double()) * torch.fft.rfft2(drawn.to(blocked.device).double(), s=size).conj()
    meets: Tensor = torch.fft.irfft2(spectrum, s=size) > 0.5
    return meets


def _grid(blocked: Tensor) -> tuple[Tensor, Tensor]:
    """Rows ``(1, h, 1)`` and columns ``(1, 1, w)``."""
    rows, columns = (torch.arange(length, device=blocked.device) for length in blocked.shape[1:])
    return rows[None, :, None], columns[None, None, :]
