"""Painting over the mark from its surroundings, without any knowledge of what it hides."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from miad.errors import InputError
from miad.evaluation.adversaries.base import VisibleMark, full_name
from miad.tensors import Pixels

InpaintMethod: TypeAlias = Literal["telea", "ns"]
"""``telea``: Telea, Journal of Graphics Tools 9, 2004; ``ns``: Bertalmio et al., CVPR 2001 (Navier-Stokes)."""

_FLAGS: dict[InpaintMethod, int] = {"telea": cv2.INPAINT_TELEA, "ns": cv2.INPAINT_NS}
_RADIUS = 3
"""Pixels round each one that its new value is made from."""
_WIDEST = 255


@dataclass(frozen=True)
class Inpaint:
    """Paint over the mask and a margin round it.

    Args:
        method: how.
        margin: pixels by which the mask grows in all eight directions, 0..255: an outline drawn by hand is drawn
            generously, one known to the pixel needs none.

    Raises:
        InputError: the margin is out of its range.
    """

    method: InpaintMethod = "telea"
    margin: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.margin <= _WIDEST:
            raise InputError(f"expected an inpainting margin between 0 and {_WIDEST} pixels, found {self.margin}")

    @property
    def name(self) -> str:
        """As in the registry."""
        return full_name(f"inpaint_{self.method}", self.margin, Inpaint.margin)

    def __call__(self, marked: Pixels, mark: VisibleMark) -> Pixels:
        """Clean one image; see `Adversary`."""
        return inpaint(marked, grow(mark.mask, self.margin), self.method)


def inpaint(pixels: Pixels, mask: NDArray[np.bool_], method: InpaintMethod = "telea") -> Pixels:
    """Pixels ``(h, w)`` or ``(h, w, 3)`` with new values where the mask ``(h, w)`` is true, and only there."""
    painted = cv2.inpaint(np.ascontiguousarray(pixels), mask.astype(np.uint8), _RADIUS, _FLAGS[method])
    return painted.astype(np.uint8, copy=False)


def grow(mask: NDArray[np.bool_], margin: int) -> NDArray[np.bool_]:
    """The mask and all pixels within ``margin`` rows and columns of it."""
    square = np.ones((2 * margin + 1, 2 * margin + 1), dtype=np.uint8)
    return cv2.dilate(mask.astype(np.uint8), square).astype(np.bool_)
