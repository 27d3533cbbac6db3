"""By how much the logo is turned, from its outline.

The outline is a visible fact, and the public renderer says what outline each angle has: the angle whose outline
overlaps most is taken, on a coarse grid first, then on finer ones. What is left of a hundredth of a degree still
shows at the edges of a strong logo; `polish_angle` finds it by another measure.
"""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np

from miad.evaluation.adversaries.base import VisibleMark
from miad.evaluation.adversaries.ink import outline
from miad.imaging import fit_longer_side

_LARGEST = 30.0
"""Degrees, as all here; variants are drawn that far either way."""
_COARSE, _MEDIUM, _FINE, _FINEST = 2.0, 1 / 4, 1 / 128, 1 / 1024
_TRIED = 3
"""Of the coarse angles; the best is not always next to the right one."""
_NEAR, _SURE = 0.7, 0.996
"""Overlaps that angles within a degree have, and that only the right one has."""
_ASTRAY = 0.5
"""How far from the right angle a climb may stop."""
_ENOUGH = (2, 128)
"""Times the box, and at least so many pixels: a logo of that size is fine enough for the coarse grid, and quick."""


def fit_angle(mark: VisibleMark) -> float | None:
    """The angle in degrees, counter-clockwise; none where no angle draws anything where the mark is."""
    small = _shrink(mark, max(_ENOUGH[0] * max(mark.size), _ENOUGH[1]))
    grid = sorted(_grid(0, _LARGEST, _COARSE), key=lambda angle: _overlap(small, angle))
    tops = [_climb(lambda angle: _overlap(small, angle), angle, _COARSE / 2, _MEDIUM) for angle in grid[-_TRIED:]]
    top = max(tops, key=lambda angle: _overlap(small, angle))
    angle = _climb(lambda angle: _overlap(mark, angle), top, _MEDIUM, _FINE)
    # Pillow turns on a canvas of whole pixels, so the outline jumps and its overlap has narrow peaks.
    if _NEAR < _overlap(mark, angle) < _SURE:
        angle = max(_grid(angle, _ASTRAY, _FINE), key=lambda angle: _overlap(mark, angle))
    return angle if _overlap(mark, angle) else None


def polish_angle(goodness: Callable[[float], float], angle: float) -> float:
    """The best angle within a few hundredths of a degree.

    Args:
        goodness: how well an angle explains the image.
        angle: as `fit_angle` found it.
    """
    return _climb(goodness, angle, _FINE, _FINEST)


def _grid(middle: float, reach: float, step: float) -> list[float]:
    angles: list[float] = (middle + np.arange(-reach, reach + step / 2, step)).tolist()
    return angles


def _climb(goodness: Callable[[float], float], angle: float, step: float, last: float) -> float:
    """Uphill in ever smaller steps."""
    best = goodness(angle)
    while step >= last:
        near = {neighbour: goodness(neighbour) for neighbour in (angle - step, angle + step)}
        neighbour = max(near, key=near.__getitem__)
        if near[neighbour] > best:
            angle, best = neighbour, near[neighbour]
        else:
            step /= 2
    return angle


def _overlap(mark: VisibleMark, angle: float) -> float:
    """Intersection over union of an angle's outline and the mark's."""
    seen, drawn = mark.mask[mark.window], outline(mark, angle)
    height, width = drawn.shape
    both = np.count_nonzero(drawn & seen[:height, :width])
    either = np.count_nonzero(drawn) + np.count_nonzero(seen) - both
    return both / either if either else 0.0


def _shrink(mark: VisibleMark, longest: int) -> VisibleMark:
    """The same with a smaller logo."""
    height, width = mark.logo.rgba.shape[:2]
    if max(height, width) <= longest:
        return mark
    size = fit_longer_side((height, width), longest)[::-1]
    rgba = cv2.resize(mark.logo.rgba, size, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return replace(mark, logo=replace(mark.logo, rgba=rgba))
