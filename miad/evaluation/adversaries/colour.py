"""How opaque the logo is and in which colours, given its angle.

First a linear fit for every hue on a grid: what inpainting puts under the logo stands in for the image, and then the
marked pixels are linear in all but the hue. The likeliest of these are refined by a simplex search for the least
surprise (`Seams.surprise`).
"""

from math import ceil, floor, inf
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from miad.evaluation.adversaries.seams import Levels, Recipe, Seams
from miad.watermark import Variant

_ALPHAS = (1.0, 254.0)
_FACTORS = (0.7, 1.3)
"""Of saturation and value, as variants are drawn."""
_SLACK = 1e-3
"""Lets the search come up to the ends of the ranges."""

_HUES = tuple(number / 48 - 0.5 for number in range(48))
_FINER = tuple(number / 256 for number in (-3, -2, -1, 1, 2, 3))
"""The renderer knows 256 hues."""
_VALUES = (0.85, 1.15)
"""Two do, since the fit scales them: one whose bright inks are cut off at 255, and one whose inks are not."""

_STEPS = np.array([8.0, 8.0, 0.05, 0.02])
"""Of a point's coordinates, see `_point`."""
_TRIED, _KEPT = 4, 2
"""How many starts are refined at all, and how many to the end."""


Point: TypeAlias = NDArray[np.float64]
"""Coordinates ``(4,)``, see `_point`."""


class _Least(NamedTuple):
    """The lowest point found and its value."""

    point: Point
    value: float


class _Round(NamedTuple):
    """One simplex: the share of the steps it starts with and ends at, and how many recipes it may try."""

    start: float
    end: float
    budget: int


_FIRST = _Round(1, 0.05, 80)
_WIDE, _NARROW = _Round(1, 0.02, 100), _Round(0.5, 0.02, 100)


def fit_colour(seams: Seams) -> Recipe:
    """The likeliest opacity, a whole number, and colours; for grey images the value alone. The angle stays 0."""
    tried = [_search(seams, _point(start), _FIRST) for start in _starts(seams)[:_TRIED]]
    kept = sorted(tried, key=_value)[:_KEPT]
    return min((refine_colour(seams, _recipe(least.point)) for least in kept), key=seams.surprise)


def refine_colour(seams: Seams, recipe: Recipe) -> Recipe:
    """The likeliest near one that is known roughly."""
    # A simplex that has shrunk too early is spread out again.
    point = _search(seams, _search(seams, _point(recipe), _WIDE).point, _NARROW).point
    wholes = [_search(seams, np.array([alpha, *point[1:]]), _NARROW, whole=True) for alpha in _beside(point[0])]
    return _recipe(min(wholes, key=_value).point)


def _search(seams: Seams, start: Point, effort: _Round, *, whole: bool = False) -> _Least:
    """The least surprise near a point; with the start's alpha if that is a whole number already."""
    free = np.array([not whole, True, not seams.grey, not seams.grey])
    steps = np.diag(effort.start * _STEPS)[free]

    def surprise(shift: Point) -> float:
        recipe = _recipe(start + shift @ steps)
        return seams.surprise(recipe) if _allowed(recipe) else inf

    corners = np.vstack([np.zeros(len(steps)), np.eye(len(steps))])
    options = {"initial_simplex": corners, "maxfev": effort.budget, "xatol": effort.end, "fatol": inf}
    found = minimize(surprise, corners[0], method="Nelder-Mead", options=options)
    return _Least(start + found.x @ steps, float(found.fun))


def _point(recipe: Recipe) -> Point:
    """Coordinates that hardly depend on each other: alpha, alpha * value, saturation, hue."""
    alpha, variant = recipe
    return np.array([alpha, alpha * variant.value, variant.saturation, variant.hue])


def _recipe(point: Point) -> Recipe:
    alpha, brightness, saturation, hue = point.tolist()
    return Recipe(alpha, Variant(0.0, (hue + 0.5) % 1 - 0.5, saturation, brightness / alpha))


def _allowed(recipe: Recipe) -> bool:
    factors = (recipe.variant.saturation, recipe.variant.value)
    within = all(_FACTORS[0] - _SLACK <= factor <= _FACTORS[1] + _SLACK for factor in factors)
    return within and _ALPHAS[0] <= recipe.alpha <= _ALPHAS[1]


def _beside(alpha: float) -> tuple[int, int]:
    return floor(alpha), ceil(alpha)


def _value(least: _Least) -> float:
    return least.value


def _starts(seams: Seams) -> list[Recipe]:
    """Linear fits for all hues on a grid, and on a finer one round the best; the likeliest first."""

    def fit(hue: float) -> Recipe:
        return min((_fit_linearly(seams, hue, value) for value in _VALUES), key=seams.surprise)

    if seams.grey:
        return [fit(0.0)]
    fits = [fit(hue) for hue in _HUES]
    best = min(fits, key=seams.surprise).variant.hue
    return sorted([*fits, *(fit(best + step) for step in _FINER)], key=seams.surprise)


def _fit_linearly(seams: Seams, hue: float, value: float) -> Recipe:
    """The best fit of one hue.

    With the guess for the image, marked - guess = coverage * (share * ink - share * guess), and the ink is linear in
    value and in value * saturation.
    """
    colourful, pale = (seams.ink(Variant(0.0, hue, saturation, value)) for saturation in (1.0, 0.0))
    parts = (-seams.guess, colourful) if seams.grey else (-seams.guess, pale, colourful - pale)
    columns = np.stack([seams.steps(seams.coverage * part).ravel() for part in parts], axis=1)
    share, bright, *colour = _least_absolute(columns, seams.steps(seams.marked - seams.guess).ravel()).tolist()
    share = min(max(share, 0.05), 0.98)
    saturation = colour[0] / max(bright, 0.01) if colour else 1.0
    factors = np.clip([saturation, value * bright / share], *_FACTORS).tolist()
    return Recipe(255 * share, Variant(0.0, hue, *factors))


def _least_absolute(columns: Levels, target: Levels) -> Levels:
    """Coefficients of least absolute errors, by reweighted least squares."""
    weights, solution = np.ones_like(target), np.zeros(columns.shape[1])
    for _ in range(4):
        weighted = columns.T * weights
        # The little that is added keeps a flat image solvable.
        normal = weighted @ columns + 1e-3 * np.eye(columns.shape[1])
        solution = np.linalg.solve(normal, weighted @ target).astype(np.float64, copy=False)
        weights = 1 / (np.abs(target - columns @ solution) + 2)
    return solution
