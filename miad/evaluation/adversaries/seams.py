"""Pairs of neighbouring pixels across the logo's edges, and how likely a recipe makes them.

The right opacity and colours leave no edge where the logo had one, so the total variation across those edges is
least there. On its own it favours low opacities, since a weaker inversion stretches the image's own contrast less.
Taking the image's steps as Laplace distributed, with one scale at the logo's edges and beside the logo, mends that:
the likelihood of the marked pixels also counts by how much the inversion stretches them.
"""

from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from miad.evaluation.adversaries.base import VisibleMark
from miad.evaluation.adversaries.ink import recolour
from miad.evaluation.adversaries.inpaint import inpaint
from miad.tensors import Pixels
from miad.watermark import Rendering, Variant

Levels: TypeAlias = NDArray[np.float64]

_BESIDE = 8
"""Pixels round the box that tell how the image looks without a mark."""
_STEP = 32
"""Levels by which the logo changes between neighbours for these to be a seam."""
_MOST = 2000
"""Seams that are looked at; more would only take time."""


class Recipe(NamedTuple):
    """How a mark was made."""

    alpha: float
    """Opacity, above 0 and below 255."""
    variant: Variant


@dataclass(frozen=True)
class Seams:
    """Pairs among n pixels of a mark whose angle is known; c is 1 for grey images, else 3.

    Args:
        pairs: indices ``(2, k)`` of neighbours between which the logo changes.
        places: where the pixels lie in the image around the mark, ``(n,)``.
        marked: their levels ``(n, c)``.
        guess: what inpainting puts in their place ``(n, c)``.
        coverage: the logo's share ``(n, 1)``, 0..1.
        colours: the logo's own colours, uint8 ``(n, 3)``.
        beside: mean absolute step between neighbours beside the logo, in levels.
        reach: levels that a texture keeps the ink away from 0 and 255.
    """

    pairs: NDArray[np.intp]
    places: NDArray[np.intp]
    marked: Levels
    guess: Levels
    coverage: Levels
    colours: NDArray[np.uint8]
    beside: float
    reach: int = 0

    @property
    def grey(self) -> bool:
        """Whether the image stores one channel."""
        return int(self.marked.shape[1]) == 1

    def ink(self, variant: Variant) -> Levels:
        """The logo's colours in a variant ``(n, c)``; its angle is that of `colours` already."""
        return recolour(self.colours, variant, grey=self.grey).clip(self.reach, 255 - self.reach)

    def steps(self, levels: Levels) -> Levels:
        """From the second of every pair to the first ``(k, c)``."""
        return _steps(levels, self.pairs)

    def surprise(self, recipe: Recipe) -> float:
        """Negative log likelihood a step, up to a constant; steps across and beside the logo weigh alike."""
        return self._surprise(recipe.alpha / 255 * self.coverage, self.ink(recipe.variant))

    def surprise_at(self, alpha: float, drawn: Rendering, mark: VisibleMark) -> float:
        """The same of a variant at another angle, drawn in the mark's box."""
        coverage, ink = (part[self.places] for part in _lay(drawn, mark))
        return self._surprise(alpha / 255 * _share(coverage), ink[:, : self.marked.shape[1]].astype(np.float64))

    def _surprise(self, share: Levels, ink: Levels) -> float:
        host = (self.marked - share * ink) / (1 - share)
        overshoot = np.maximum(-host, host - 255).clip(min=0).mean()  # no image has levels outside 0..255
        stretch = np.log(1 - share[self.pairs].max(axis=0)).mean()
        return float(np.log(_variation(self.steps(host)) + overshoot + self.beside) + stretch / 2)


def find_seams(marked: Pixels, turned: Rendering, mark: VisibleMark) -> Seams | None:
    """The seams of a mark; none where its logo is flat and fills the image.

    Args:
        marked: uint8 ``(h, w)`` or ``(h, w, 3)``.
        turned: the logo's own colours and its coverage in the mark's box.
        mark: what is visible of the mark.
    """
    around = _around(mark)
    coverage, colours = _lay(turned, mark)
    levels, guess = _table(marked[around]), _table(inpaint(marked, mark.mask)[around])
    share, pairs = _share(coverage), _neighbours(mark.mask[around].shape)
    crossing = np.abs(_steps(np.hstack([share * colours, 255 * share]), pairs)).max(axis=1) >= _STEP
    if not crossing.any():
        return None
    places, chosen = np.unique(_thin(pairs[:, crossing]), return_inverse=True)
    return Seams(
        pairs=chosen.reshape(2, -1),
        places=places,
        marked=levels[places],
        guess=guess[places],
        coverage=share[places],
        colours=colours[places],
        beside=_variation(_steps(levels, pairs[:, (share[pairs] == 0).all(axis=(0, 2))])),
        reach=mark.texture.colour,
    )


def _around(mark: VisibleMark) -> tuple[slice, slice]:
    x, y, width, height = mark.box
    return slice(max(0, y - _BESIDE), y + height + _BESIDE), slice(max(0, x - _BESIDE), x + width + _BESIDE)


def _lay(drawn: Rendering, mark: VisibleMark) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The logo's coverage ``(n, 1)`` and colours ``(n, 3)`` around the mark."""
    whole = np.zeros((*mark.mask.shape, 4), dtype=np.uint8)
    whole[mark.window] = drawn.rgba
    table = whole[_around(mark)].reshape(-1, 4)
    return table[:, 3:], table[:, :3]


def _share(coverage: NDArray[np.uint8]) -> Levels:
    return coverage.astype(np.float64) / 255


def _table(pixels: Pixels) -> Levels:
    return pixels.reshape(pixels.shape[0] * pixels.shape[1], -1).astype(np.float64)


def _neighbours(shape: tuple[int, ...]) -> NDArray[np.intp]:
    """Indices of all horizontal and vertical neighbours ``(2, k)``."""
    index = np.arange(shape[0] * shape[1]).reshape(shape)
    across = np.stack([index[:, :-1].ravel(), index[:, 1:].ravel()])
    down = np.stack([index[:-1].ravel(), index[1:].ravel()])
    return np.concatenate([across, down], axis=1)


def _thin(pairs: NDArray[np.intp]) -> NDArray[np.intp]:
    count = pairs.shape[1]
    return pairs[:, np.linspace(0, count - 1, min(count, _MOST)).astype(np.intp)]


def _steps(levels: Levels, pairs: NDArray[np.intp]) -> Levels:
    steps: Levels = levels[pairs[0]] - levels[pairs[1]]
    return steps


def _variation(steps: Levels) -> float:
    """Mean absolute step, smoothed at 0; 1 where there is none."""
    return float(np.sqrt(1 + steps**2).mean()) if steps.size else 1.0
