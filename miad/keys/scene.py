"""What is known of the host under a mark while it is decoded.

Pixels around the mark are exact. A sample that is not decoded yet lies within its interval, so that the middle of that
is an estimate from the start. Samples are decoded by passes, each a lattice of every second or fourth row and column:
each has more exact neighbours than the pass before. All is in integers, as whoever decodes must come to the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from miad.tensors import StoredPixels

Integers = NDArray[np.int64]

UNIT = 16
"""Of a level, in which estimates are kept."""
_MARGIN = 2
_RELAXATIONS = 2
_ORDER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
"""Of the 16 lattices: each next one lies as far as it can from those before (B. E. Bayer, 1973)."""
_SIDES = ((0, -1), (0, 1), (-1, 0), (1, 0))
_CORNERS = ((-1, -1), (1, 1), (-1, 1), (1, -1))
_NEAR = (_SIDES[:2], _CORNERS[:2], _CORNERS[2:], ((0, -2), (0, 2)), ((-2, 0), (2, 0)))
_FAR = (
    ((-1, -2), (-1, 2), (1, -2), (1, 2)),
    ((-2, -1), (-2, 1), (2, -1), (2, 1)),
    ((-2, -2), (-2, 2), (2, -2), (2, 2)),
)
_ACTIVITIES = np.array([2, 7, 19]) * 4 * UNIT


@dataclass(frozen=True)
class Scene:
    """A mark on its image.

    Args:
        marked: stored pixels, ``(h, w)`` or ``(h, w, 3)``; exact outside of the mark's rectangle.
        x: column of the rectangle's left edge.
        y: row of its top edge.
        low: lowest host values in the rectangle, ``(h', w')`` or ``(h', w', 3)``.
        counts: numbers of host values, of the same shape.
        delta: what is thought to have been added to the image before it was marked, of the shape of the image; None
            for nothing. It only helps to expect the right thing.
    """

    marked: StoredPixels
    x: int
    y: int
    low: Integers
    counts: Integers
    delta: Integers | None = None


class Expected(NamedTuple):
    """The samples of a pass that are to be decoded, n of them."""

    low: Integers
    counts: Integers
    base: Integers
    """The mean of four neighbours, and delta; in 64ths of a level."""
    columns: Integers
    """``(n, features)``: how other neighbours differ from it, and how other channels do from theirs; likewise."""
    activity: Integers
    """How uneven it is around, 0..3."""


class Passes:
    """Goes through the samples of a mark's rectangle.

    Args:
        scene: the mark on its image.
        fine: 16 passes over near and far neighbours, which takes more time and more numbers; else 4 over the near.
    """

    def __init__(self, scene: Scene, *, fine: bool) -> None:
        self._stride = 4 if fine else 2
        self._groups = _NEAR + _FAR if fine else _NEAR
        rows, columns = (np.arange(-_MARGIN, length + _MARGIN) for length in scene.counts.shape[:2])
        around = np.ix_(
            (rows + scene.y).clip(0, scene.marked.shape[0] - 1), (columns + scene.x).clip(0, scene.marked.shape[1] - 1)
        )
        levels = np.ascontiguousarray(as_planes(scene.marked[around].astype(np.int64)))
        self._low, self._counts = as_planes(scene.low), as_planes(scene.counts)
        inner = levels[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
        inner[...] = self._low + self._counts // 2
        self._delta = np.zeros_like(levels) if scene.delta is None else _given(levels, as_planes(scene.delta[around]))
        self._estimates = (levels - self._delta) * UNIT
        self._relax()

    @property
    def features(self) -> int:
        """Number of columns of `Expected`."""
        return len(self._groups) + 2 * (len(self._low) - 1)

    @property
    def count(self) -> int:
        """Of the passes."""
        return len(self._low) * self._stride**2

    def __iter__(self) -> Iterator[tuple[slice, ...]]:
        """The passes, each a view of the rectangle's planes: green first, which the other channels follow most."""
        order = np.argsort(_ORDER[: self._stride, : self._stride], axis=None)
        for channel in (1, 0, 2) if len(self._low) == 3 else range(len(self._low)):
            for row, column in zip(*np.divmod(order, self._stride), strict=True):
                lattice = slice(int(row), None, self._stride), slice(int(column), None, self._stride)
                yield slice(channel, channel + 1), *lattice

    def expect(self, part: tuple[slice, ...]) -> Expected:
        """What is known of a pass's samples, of those that are not known outright."""
        open_, (channel, _, _) = self._counts[part][0] > 1, part
        sides = [self._beside(part, offset) for offset in _SIDES]
        total = sum(sides)
        columns = [self._mean(part, group) - total for group in self._groups]
        uneven = sum(np.abs(4 * side - total) for side in sides)
        for other in range(len(self._low)):
            if other != channel.start:
                there = slice(other, other + 1), *part[1:]
                around = self._mean(there, _SIDES)
                columns += [4 * self._beside(there, (0, 0)) - around, self._mean(there, _CORNERS) - around]
        delta = self._delta[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN][part][0]
        return Expected(
            self._low[part][0][open_],
            self._counts[part][0][open_],
            (total + delta * 4 * UNIT)[open_],
            np.stack(columns, axis=-1)[open_],
            np.searchsorted(_ACTIVITIES, uneven[open_] // 4),
        )

    def settle(self, part: tuple[slice, ...], places: Integers) -> None:
        """Take the places of the samples of `expect` for exact."""
        exact, counts = self._low[part].copy(), self._counts[part]
        exact[counts > 1] += places
        delta = self._delta[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN][part]
        self._estimates[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN][part] = (exact - delta) * UNIT

    def _mean(self, part: tuple[slice, ...], offsets: tuple[tuple[int, int], ...]) -> Integers:
        """Of neighbours, two or four; in 64ths of a level."""
        total: Integers = np.sum([self._beside(part, offset) for offset in offsets], axis=0)
        return total * (4 // len(offsets))

    def _beside(self, part: tuple[slice, ...], offset: tuple[int, int]) -> Integers:
        """Estimates of the samples at an offset from those of a pass."""
        height, width = self._low.shape[1:]
        top, left = _MARGIN + offset[0], _MARGIN + offset[1]
        beside: Integers = self._estimates[:, top : top + height, left : left + width][part][0]
        return beside

    def _relax(self) -> None:
        """Smooth the estimates as far as their intervals allow."""
        inner = slice(None), slice(_MARGIN, -_MARGIN), slice(_MARGIN, -_MARGIN)
        low = (self._low - self._delta[inner]) * UNIT
        high = low + (self._counts - 1) * UNIT
        for _ in range(_RELAXATIONS):
            around = self._estimates[:, _MARGIN - 1 : 1 - _MARGIN, _MARGIN - 1 : 1 - _MARGIN]
            upright = around[:, :-2, 1:-1] + around[:, 2:, 1:-1]
            across = around[:, 1:-1, :-2] + around[:, 1:-1, 2:]
            self._estimates[inner] = ((upright + across) // 4).clip(low, high)


def as_planes(samples: Integers) -> Integers:
    """A view ``(channels, h, w)`` of ``(h, w)`` or ``(h, w, channels)``."""
    return samples[None] if samples.ndim == 2 else np.moveaxis(samples, 2, 0)


def _given(levels: Integers, delta: Integers) -> Integers:
    """Delta where it seems to have been given: levels close to black and white are spared, as a rule."""
    before, largest = levels - delta, np.abs(delta).max(initial=0)
    return np.where((before >= largest) & (before <= 255 - largest), delta, 0)
