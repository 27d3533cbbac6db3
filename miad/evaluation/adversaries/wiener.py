"""The linear estimate of least error of what is under a textured mark (Wiener; kriging).

Under the mark the image is taken for a random one whose steps between neighbours are as large as `typical_step`, and
that meets the pixels around it; the texture for noise of the spectrum that its public recipe has. Where the texture is
strong this is inpainting, where it is weak it is inverting. No other linear filter does better on such images; real
ones are partly rough and partly smooth, and a filter that tells the two apart, as non-local means, may do better.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import LinearOperator, cg, splu

from miad.watermark.texture_field import FULL, draw_fields

Levels: TypeAlias = NDArray[np.float64]

_ROUNDING = 1.0
"""Variance of what is off without any texture, in squared levels; the blend's rounding, stretched by inverting it."""
_STEPS = 200
"""Of conjugate gradients."""
_TOLERANCE = 1e-3
_DRAWS = 6
"""Textures from which their covariance is estimated, five fields each."""


@dataclass(frozen=True)
class Evidence:
    """What is known of the image under and around a mark.

    Args:
        inverted: the blend inverted by the mean logo ``(h, w, c)``; outside the mark the image itself.
        guess: what inpainting says ``(h, w, c)``.
        inside: where the mark is, bool ``(h, w)``.
        ink: the mean logo's levels ``(h, w, c)``.
        shade: most by which the texture's colours put the inverted image off, in levels ``(h, w, c)``.
        fade: the same of its opacity, for an ink that is one level away from the image ``(h, w, c)``.
        grain: of the texture.
    """

    inverted: Levels
    guess: Levels
    inside: NDArray[np.bool_]
    ink: Levels
    shade: Levels
    fade: Levels
    grain: int


def most_likely(evidence: Evidence) -> Levels:
    """The estimate ``(h, w, c)``; outside the mark the image itself."""
    found = evidence.inverted.copy()
    for channel in range(found.shape[2]):
        fade = evidence.fade[..., channel] * (evidence.ink - evidence.guess)[..., channel]
        gains = [evidence.shade[..., channel], fade]
        found[..., channel] = _estimate(evidence.inverted[..., channel], evidence.inside, gains, evidence.grain)
    return found


def _estimate(plane: Levels, inside: NDArray[np.bool_], gains: list[Levels], grain: int) -> Levels:
    precision, pull = _smoothness(plane, inside, typical_step(plane, inside, gains, grain))
    factors = splu(precision.tocsc())
    noise = _noise(inside, gains, grain)
    count = int(inside.sum())
    expected = factors.solve(pull)
    sum_of_both = LinearOperator((count, count), matvec=lambda v: factors.solve(v) + noise(v), dtype=np.float64)
    weights, _ = cg(sum_of_both, plane[inside] - expected, rtol=_TOLERANCE, maxiter=_STEPS)
    found = plane.copy()
    found[inside] = expected + factors.solve(weights)
    return found


def typical_step(plane: Levels, inside: NDArray[np.bool_], gains: list[Levels], grain: int) -> float:
    """Mean square step of the image between neighbours, in squared levels, at least 1.

    That outside of the mark, or that inside, less what the texture makes of it, where that is more: what surrounds a
    mark is often flatter than what is under it.
    """
    lags, middle = covariance(grain), 2 * grain
    one, other, level, following = _neighbours(plane, inside)
    squares, within, beside = np.square(level - following), (one >= 0) & (other >= 0), (one < 0) & (other < 0)
    strength = sum(float(np.square(gain[inside]).mean()) for gain in gains)
    noise = 2 * (lags[middle, middle] - lags[middle, middle + 1]) * strength
    outside = float(squares[beside].mean()) if beside.any() else 0.0
    return max(1.0, outside, float(squares[within].mean()) - noise if within.any() else 0.0)


def _neighbours(plane: Levels, inside: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Of all horizontal and vertical neighbours: their numbers among the pixels inside, or -1, and their levels."""
    number = np.full(inside.shape, -1)
    number[inside] = np.arange(np.count_nonzero(inside))
    across = (number[:, :-1], number[:, 1:], plane[:, :-1], plane[:, 1:])
    down = (number[:-1], number[1:], plane[:-1], plane[1:])
    return [np.concatenate([one.ravel(), other.ravel()]) for one, other in zip(across, down, strict=True)]


def _smoothness(plane: Levels, inside: NDArray[np.bool_], step: float) -> tuple[coo_array, Levels]:
    """Precision of the image under the mark given the pixels around it, and the pull of these."""
    count = int(np.count_nonzero(inside))
    one, other, level, following = _neighbours(plane, inside)
    ends = np.concatenate([one[one >= 0], other[other >= 0]])
    leaving, entering = (one >= 0) & (other < 0), (other >= 0) & (one < 0)
    border = np.concatenate([one[leaving], other[entering]])
    beyond = np.concatenate([following[leaving], level[entering]])
    joined = (one >= 0) & (other >= 0)
    rows, columns = np.concatenate([one[joined], other[joined]]), np.concatenate([other[joined], one[joined]])
    # The little that is added keeps a mark that covers the whole image solvable.
    degrees = diags_array(np.bincount(ends, minlength=count) + 1e-9)
    links = coo_array((np.ones(len(rows)), (rows, columns)), shape=(count, count))
    return coo_array((degrees - links) / step), np.bincount(border, beyond, count) / step


def _noise(inside: NDArray[np.bool_], gains: list[Levels], grain: int) -> Callable[[Levels], Levels]:
    """The covariance of what the texture does to the inverted image, as a product with a vector."""
    reach = 2 * grain
    size = (inside.shape[0] + reach, inside.shape[1] + reach)
    lags = covariance(grain)
    kernel = np.zeros(size)
    span = np.arange(-reach, reach + 1)
    np.add.at(kernel, (span[:, None] % size[0], span[None] % size[1]), lags)
    spectrum = np.fft.rfft2(kernel).real.clip(min=0)

    def product(vector: Levels) -> Levels:
        total = _ROUNDING * vector
        for gain in gains:
            plane = np.zeros(inside.shape)
            plane[inside] = gain[inside] * vector
            spread = np.fft.irfft2(np.fft.rfft2(plane, size) * spectrum, size)
            total = total + gain[inside] * spread[: inside.shape[0], : inside.shape[1]][inside]
        return total

    return product


@lru_cache(8)
def covariance(grain: int) -> Levels:
    """Covariance of a texture's field, of reach 1, at lags of up to twice its grain: odd sides, lag 0 in the middle."""
    side, reach = max(64, 8 * grain), 2 * grain
    total = np.zeros((2 * reach + 1, 2 * reach + 1))
    span = np.arange(-reach, reach + 1)
    for number in range(_DRAWS):
        for field in draw_fields(b"%d" % number, side, side, grain) / FULL:
            power = np.abs(np.fft.rfft2(field - field.mean(), (2 * side, 2 * side))) ** 2
            total += np.fft.irfft2(power, (2 * side, 2 * side))[np.ix_(span, span)]
    overlap = (side - np.abs(span)).astype(np.float64)
    return total / (5 * _DRAWS) / np.outer(overlap, overlap)
