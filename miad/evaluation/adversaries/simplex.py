"""Nelder & Mead's simplex search (The Computer Journal 7, 1965): a least value without derivatives."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Point: TypeAlias = NDArray[np.float64]
"""Float64 ``(d,)``."""


class Least(NamedTuple):
    """The lowest point found and its value."""

    point: Point
    value: float


def minimise(function: Callable[[Point], float], start: Point, steps: Point, budget: int, tolerance: float) -> Least:
    """Walk downhill from a start.

    Args:
        function: may be infinite where a point is not allowed.
        start: ``(d,)``.
        steps: ``(d,)``, how far the first corners lie from the start; coordinates whose step is 0 keep their value.
        budget: about how many values may be computed.
        tolerance: ends when all corners lie within so many steps.
    """
    free = steps > 0
    search = _Simplex(function, np.vstack([start, (start + np.diag(steps))[free]]))
    while search.computed < budget and (search.extent[free] > tolerance * steps[free]).any():
        search.move()
    return Least(search.corners[0], float(search.values[0]))


class _Simplex:
    """Corners ``(k, d)`` with their values, the lowest first."""

    def __init__(self, function: Callable[[Point], float], corners: NDArray[np.float64]) -> None:
        self._function = function
        self.corners = corners
        self.computed = 0
        self.values = np.array([self._value(corner) for corner in corners])
        self._sort()

    @property
    def extent(self) -> Point:
        """How far the corners lie from the lowest, ``(d,)``."""
        extent: Point = np.abs(self.corners[1:] - self.corners[0]).max(axis=0)
        return extent

    def _sort(self) -> None:
        order = np.argsort(self.values, kind="stable")
        self.corners, self.values = self.corners[order], self.values[order]

    def move(self) -> None:
        """Reflect the highest corner in the others' middle; further if that is best, less far if it is worst."""
        mirrored = self._beyond(1.0)
        if mirrored.value < self.values[0]:
            self._replace(min(mirrored, self._beyond(2.0), key=lambda least: least.value))
        elif mirrored.value < self.values[-2]:
            self._replace(mirrored)
        else:
            between = self._beyond(0.5 if mirrored.value < self.values[-1] else -0.5)
            if between.value < min(mirrored.value, self.values[-1]):
                self._replace(between)
            else:
                self._shrink()
        self._sort()

    def _beyond(self, share: float) -> Least:
        middle = self.corners[:-1].mean(axis=0)
        point = middle + share * (middle - self.corners[-1])
        return Least(point, self._value(point))

    def _replace(self, corner: Least) -> None:
        self.corners[-1], self.values[-1] = corner

    def _shrink(self) -> None:
        self.corners[1:] = (self.corners[0] + self.corners[1:]) / 2
        self.values[1:] = [self._value(corner) for corner in self.corners[1:]]

    def _value(self, point: Point) -> float:
        self.computed += 1
        return self._function(point)
