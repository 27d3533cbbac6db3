"""The compositor and its inverse on stored levels of 8 or 16 bits, in wider integers.

The formula is that of `miad.watermark.blend`. The logo's black and white are the stored levels that a file shows as
black and as white. Below the logo, pixels beyond them are first brought to them: what is seen is then the logo over
what is seen of the image, and no logo is lost over bone or air that a window shows as even white or black.
"""

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from miad.tensors import StoredPixels
from miad.watermark.blend import alpha_map
from miad.watermark.rendering import Rendering

Levels: TypeAlias = NDArray[np.int64]
Range: TypeAlias = tuple[int, int]


def mix_stored(host: StoredPixels, logo: Levels, alpha: Levels, ends: Range) -> Levels:
    """The compositor, sample by sample.

    Args:
        host: stored levels.
        logo: likewise, as of `logo_levels`.
        alpha: the map m, 0..255; all of one shape.
        ends: the levels of black and white.
    """
    below = np.where(alpha > 0, host.astype(np.int64).clip(min(ends), max(ends)), host)
    return _weighted(logo, below, alpha)


def preimages_stored(
    marked: StoredPixels, logo: Levels, alpha: Levels, ends: Range, limits: Range
) -> tuple[Levels, Levels]:
    """The host levels that `mix_stored` sends to ``marked``: an interval, for every sample.

    Args:
        marked: stored levels.
        logo: the logo's.
        alpha: the map m; all of one shape.
        ends: the levels of black and white.
        limits: lowest and highest level of the host.

    Returns:
        The lowest level and the number of levels; the number is 0 where no level leads to ``marked``.
    """
    weight = 255 - alpha
    rest = 255 * marked.astype(np.int64) - alpha * logo
    # rest - 127 <= weight * host <= rest + 127; the divisor is kept positive where the host has no weight.
    divisor = np.maximum(weight, 1)
    covered, dark, bright = alpha > 0, min(ends), max(ends)
    first = np.where(covered, dark, limits[0])
    last = np.where(covered, bright, limits[1])
    low = np.where(weight > 0, np.maximum(-((127 - rest) // divisor), first), first)
    high = np.where(weight > 0, np.minimum((rest + 127) // divisor, last), last)
    reachable = (low <= high) & ((weight > 0) | (np.abs(rest) <= 127))
    low, high = np.where(low == first, limits[0], low), np.where(high == last, limits[1], high)
    return low, np.where(reachable, high - low + 1, 0)


def logo_levels(rendering: Rendering, ends: Range, *, grey: bool) -> Levels:
    """A logo in stored levels, ``(h', w')`` or ``(h', w', 3)``: the compositor itself, from black to white."""
    logo = (rendering.rgb[..., 0] if grey else rendering.rgb).astype(np.int64)
    black, white = (np.full_like(logo, end) for end in ends)
    return _weighted(white, black, logo)


def alpha_levels(rendering: Rendering, alpha: int, *, grey: bool) -> Levels:
    """The map m of a logo at an opacity of 1..255, of the shape of `logo_levels`."""
    levels = alpha_map(torch.from_numpy(rendering.coverage), torch.tensor(alpha)).numpy().astype(np.int64)
    return levels if grey else np.repeat(levels[..., None], 3, axis=2)


def blend_stored(host: StoredPixels, rendering: Rendering, place: tuple[int, int, int], ends: Range) -> StoredPixels:
    """Put a logo on an image in the image's own depth; the input is not changed.

    Args:
        host: stored pixels, ``(h, w)`` or ``(h, w, 3)``.
        rendering: the logo.
        place: x, y, alpha; the logo must lie inside the image.
        ends: the stored levels of black and white.
    """
    (x, y, alpha), (height, width), grey = place, rendering.coverage.shape, host.ndim == 2
    marked = host.copy()
    region: NDArray[np.integer[Any]] = marked[y : y + height, x : x + width]
    logo, levels = logo_levels(rendering, ends, grey=grey), alpha_levels(rendering, alpha, grey=grey)
    region[...] = mix_stored(region, logo, levels, ends).astype(host.dtype)
    return marked


def _weighted(upper: Levels, lower: Levels, weight: Levels) -> Levels:
    return (weight * upper + (255 - weight) * lower + 127) // 255
