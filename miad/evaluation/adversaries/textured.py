"""The adversary who knows the public logo and that there is a texture in it, but not what it was drawn from.

He fits the logo as it is on average, inverts the blend with that, knows how far off the result is on average pixel by
pixel, and takes the rest for noise.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage.restoration import denoise_nl_means, denoise_tv_chambolle

from miad.evaluation.adversaries.base import VisibleMark
from miad.evaluation.adversaries.ink import paint
from miad.evaluation.adversaries.inpaint import Inpaint, inpaint
from miad.evaluation.adversaries.known_logo import find_recipe
from miad.evaluation.adversaries.seams import Recipe
from miad.evaluation.adversaries.wiener import Evidence, most_likely
from miad.imaging import is_grey
from miad.tensors import Pixels
from miad.watermark import Rendering, alpha_map

Levels: TypeAlias = NDArray[np.float64]

_AROUND = 16
"""Pixels round the box that are looked at."""
_LOST = 248
"""Of 255: an opacity at which nothing can be inverted."""
_SPREAD = 0.54
"""Standard deviation of a texture, of the most that it varies."""


@dataclass(frozen=True)
class KnownTexture:
    """Fit the mean logo, invert the blend, and take off what is left of the texture.

    Args:
        denoiser: one of `DENOISERS`.
    """

    denoiser: str = "wiener"

    @property
    def name(self) -> str:
        """As in the registry."""
        return f"known_logo_{self.denoiser}"

    def __call__(self, marked: Pixels, mark: VisibleMark) -> Pixels:
        """Clean one image; see `Adversary`."""
        recipe = find_recipe(marked, mark)
        return Inpaint()(marked, mark) if recipe is None else self.undo(marked, mark, recipe)

    def undo(self, marked: Pixels, mark: VisibleMark, recipe: Recipe) -> Pixels:
        """Clean an image whose logo's opacity and variant are known."""
        drawn = paint(mark, recipe.variant, grey=is_grey(marked))
        if drawn is None:
            return Inpaint()(marked, mark)
        evidence = _look(marked, mark, round(recipe.alpha), drawn)
        found = DENOISERS[self.denoiser](evidence)
        cleaned, around = marked.copy(), _around(mark)
        inside = mark.mask[around]
        cleaned[around][inside] = np.rint(found).clip(0, 255).reshape(marked[around].shape)[inside]
        return cleaned


def _around(mark: VisibleMark) -> tuple[slice, slice]:
    x, y, width, height = mark.box
    return slice(max(0, y - _AROUND), y + height + _AROUND), slice(max(0, x - _AROUND), x + width + _AROUND)


def _look(marked: Pixels, mark: VisibleMark, alpha: int, drawn: Rendering) -> Evidence:
    """What the image around the mark says of what is under it, given the mean logo."""
    around, shape = _around(mark), mark.mask.shape
    seen = marked[around].reshape(*marked[around].shape[:2], -1).astype(np.float64)
    share, ink = np.zeros((*shape, 1)), np.zeros((*shape, seen.shape[2]))
    share[mark.window] = alpha_map(torch.from_numpy(drawn.coverage), torch.tensor(alpha)).numpy()[..., None]
    ink[mark.window] = drawn.rgb[..., : seen.shape[2]]
    share, ink = share[around].clip(max=_LOST), ink[around]
    options, weight = mark.texture, share / (255 - share)
    # A pixel's opacity is coverage * (255 - alpha -+ alpha), so that it is off by this at most.
    fade = weight * options.alpha / (255 - options.alpha)
    guess = inpaint(marked, mark.mask)[around].reshape(seen.shape).astype(np.float64)
    return Evidence(
        inverted=seen + weight * (seen - ink),
        guess=guess,
        inside=mark.mask[around],
        ink=ink,
        shade=np.broadcast_to(weight * options.colour, seen.shape),
        fade=np.broadcast_to(fade, seen.shape),
        grain=options.grain,
    )


def _noise(evidence: Evidence) -> float:
    """Levels by which the inverted image is off, root mean square."""
    shade, fade = evidence.shade, evidence.fade * (evidence.ink - evidence.guess)
    return max(1.0, float(_SPREAD * np.sqrt((shade**2 + fade**2)[evidence.inside].mean())))


def _bytes(evidence: Evidence) -> Pixels:
    return np.rint(evidence.inverted).clip(0, 255).astype(np.uint8)


def _median(evidence: Evidence) -> Levels:
    return cv2.medianBlur(_bytes(evidence), 5).reshape(evidence.inverted.shape).astype(np.float64)


def _bilateral(evidence: Evidence) -> Levels:
    filtered = cv2.bilateralFilter(_bytes(evidence), 0, 2 * _noise(evidence), 3.0)
    return filtered.reshape(evidence.inverted.shape).astype(np.float64)


def _means(evidence: Evidence) -> Levels:
    noise = _noise(evidence) / 255
    unit = _bytes(evidence) / 255
    found = denoise_nl_means(unit, patch_size=5, patch_distance=6, h=0.8 * noise, sigma=noise, channel_axis=-1)
    return np.asarray(255 * found, dtype=np.float64)


def _variation(evidence: Evidence) -> Levels:
    found = denoise_tv_chambolle(_bytes(evidence) / 255, weight=_noise(evidence) / 255, channel_axis=-1)
    return np.asarray(255 * found, dtype=np.float64)


def _mean(evidence: Evidence) -> Levels:
    return evidence.inverted


DENOISERS: Mapping[str, Callable[[Evidence], Levels]] = {
    "mean": _mean,
    "median": _median,
    "bilateral": _bilateral,
    "nlm": _means,
    "tv": _variation,
    "wiener": most_likely,
}
"""``mean`` leaves the texture; the median of 5 pixels a side; a bilateral filter; non-local means; total variation
(Chambolle 2004); and the linear filter of least error, which also knows the texture's spectrum and the surroundings."""
