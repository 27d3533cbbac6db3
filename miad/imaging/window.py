"""Between the levels of a file and the 256 that models and screens read."""

from dataclasses import dataclass

import numpy as np

from miad.tensors import Pixels, StoredPixels


@dataclass(frozen=True)
class Window:
    """Which stored levels are seen: an affine map, beyond whose ends all is black or white.

    Args:
        black: the stored level that is seen as 0.
        white: the one that is seen as 255; below ``black`` where a file shows its levels inverted.
    """

    black: float
    white: float

    def view(self, pixels: StoredPixels) -> Pixels:
        """Stored pixels as uint8, rounded to the nearest level; the same shape."""
        if self == IDENTITY and pixels.dtype == np.uint8:
            seen: Pixels = pixels.view(np.uint8)
            return seen
        scaled = (pixels.astype(np.float64) - self.black) * (255 / (self.white - self.black))
        return np.rint(scaled).clip(0, 255).astype(np.uint8)

    def ends(self, limits: tuple[int, int]) -> tuple[int, int]:
        """The stored levels next to black and to white that lie within the limits of what a file can store."""
        black, white = (min(max(round(end), limits[0]), limits[1]) for end in (self.black, self.white))
        return black, white


IDENTITY = Window(0, 255)
"""Of files with 8 bits a sample: what is stored is seen."""


def extremes(pixels: StoredPixels) -> Window:
    """From the darkest to the brightest pixel: how a file is seen that does not say how."""
    if not pixels.size:
        return IDENTITY
    low, high = int(pixels.min()), int(pixels.max())
    # An even image is all black; its window must have a width, within what its samples can hold.
    return Window(low, high) if low < high else Window(low, low + 1) if low < _top(pixels) else Window(low - 1, low)


def _top(pixels: StoredPixels) -> int:
    return int(np.iinfo(pixels.dtype).max)
