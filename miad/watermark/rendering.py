"""Render a variant of a logo for images of one size.

Pillow turns, recolours and scales; its results may change with its version, so a key stores the rendering itself
and never the recipe.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import floor, inf
from typing import Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from miad.errors import InputError, OptionError
from miad.watermark.logo import Logo
from miad.watermark.variant import Variant

AlphaMode: TypeAlias = Literal["binary", "soft"]
"""``binary``: a pixel belongs to the logo or not (MIAD-MARK eq. 6); ``soft`` keeps the logo's smooth edges."""

_SMALLEST_SIDE = 4
"""Pixels below which no logo can be recognised."""


@dataclass(frozen=True)
class Rendering:
    """A logo ready to be blended.

    Args:
        rgb: uint8 ``(h', w', 3)``; grey images get three equal channels.
        coverage: uint8 ``(h', w')``, 0 outside the logo, 255 on it.
    """

    rgb: NDArray[np.uint8]
    coverage: NDArray[np.uint8]

    @classmethod
    def from_rgba(cls, rgba: NDArray[np.uint8]) -> Self:
        """From uint8 ``(h', w', 4)``, the coverage last."""
        return cls(np.ascontiguousarray(rgba[..., :3]), np.ascontiguousarray(rgba[..., 3]))

    @property
    def rgba(self) -> NDArray[np.uint8]:
        """As uint8 ``(h', w', 4)``, the coverage last: how it is stored."""
        return np.dstack([self.rgb, self.coverage])


def fit(logo: tuple[int, int], image: tuple[int, int], scale: float) -> tuple[int, int]:
    """Height and width of the scaled logo: MIAD-MARK eq. 5, sides rounded down.

    Args:
        logo: height and width of the logo.
        image: height and width of the image.
        scale: ``sl``: at 1 the logo is as large as fits, at 2 half as wide and high.

    Raises:
        InputError: the logo would be larger than the image, or too small to see.
    """
    if not 0 < scale < inf:
        raise OptionError("scale", "of at least 1", scale, "give a larger one")
    ratio = min(Fraction(image[0], logo[0]), Fraction(image[1], logo[1])) / Fraction(str(scale))
    height, width = max(1, floor(ratio * logo[0])), max(1, floor(ratio * logo[1]))
    if scale < 1:
        hint = f"the logo would be {width}x{height} on an image of {image[1]}x{image[0]}; give a larger one"
        raise OptionError("scale", "of at least 1", scale, hint)
    if min(height, width) < _SMALLEST_SIDE:
        raise InputError(
            f"an image of {image[1]}x{image[0]} is too small: the logo would be {width}x{height}; "
            "give a smaller scale or larger images"
        )
    return height, width


def render(
    logo: Logo,
    variant: Variant,
    image: tuple[int, int],
    scale: float,
    *,
    grey: bool,
    mode: AlphaMode = "binary",
) -> Rendering:
    """Turn at full resolution, crop, scale to fit the image, then recolour.

    Args:
        logo: the logo.
        variant: how to show it; for grey images only its angle and value matter.
        image: height and width of the images it is for.
        scale: ``sl`` of eq. 5.
        grey: make it grey (luminance).
        mode: hard or soft edges.

    Raises:
        InputError: as `fit`.
    """
    turned = _turn(logo.rgba, variant.angle)
    height, width = fit((turned.height, turned.width), image, scale)
    rgba = np.array(turned.resize((width, height), Image.Resampling.LANCZOS))
    coverage = rgba[..., 3] if mode == "soft" else np.where(rgba[..., 3] >= 128, 255, 0).astype(np.uint8)
    if not coverage.any():
        raise InputError(f"the logo {logo.name!r} has no visible pixel left at {width}x{height}; give a smaller scale")
    return Rendering(_recolour(rgba[..., :3], variant, grey=grey), coverage)


def _turn(rgba: NDArray[np.uint8], angle: float) -> Image.Image:
    # Pillow turns and scales RGBA in premultiplied form, so edges keep the colour of their ink.
    turned = Image.fromarray(rgba).rotate(angle, Image.Resampling.BICUBIC, expand=True)
    box = turned.getchannel("A").point(lambda alpha: 255 * (alpha >= 128)).getbbox()
    return turned.crop(box)


def _recolour(rgb: NDArray[np.uint8], variant: Variant, *, grey: bool) -> NDArray[np.uint8]:
    picture = Image.fromarray(np.ascontiguousarray(rgb))
    if grey:
        luminance = np.array(picture.convert("L"), dtype=np.float64) * variant.value
        return np.repeat(_levels(luminance)[..., None], 3, axis=2)
    hsv = np.array(picture.convert("HSV"), dtype=np.float64)
    hsv[..., 0] = (hsv[..., 0] + round(256 * variant.hue)) % 256
    hsv[..., 1] *= variant.saturation
    hsv[..., 2] *= variant.value
    return np.array(Image.fromarray(_levels(hsv), mode="HSV").convert("RGB"))


def _levels(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return values.round().clip(0, 255).astype(np.uint8)
