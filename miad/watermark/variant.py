"""Semantic-invariant variants of a logo: turned and recoloured, still the same logo to a person (MIAD-MARK, SIT).

The paper names rotation, hue, saturation and value and gives no ranges; these are ours.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Variant:
    """One way to show a logo.

    Args:
        angle: degrees, counter-clockwise.
        hue: shift in turns of the colour circle, -0.5..0.5.
        saturation: factor on the saturation.
        value: factor on the brightness.
    """

    angle: float = 0.0
    hue: float = 0.0
    saturation: float = 1.0
    value: float = 1.0


_RANGES = ((-30.0, -0.5, 0.7, 0.7), (30.0, 0.5, 1.3, 1.3))
"""Of angle, hue, saturation and value."""

PLAIN = Variant()
"""The logo as it is."""


def draw_variants(count: int, seed: int) -> tuple[Variant, ...]:
    """The plain logo, then ``count`` random variants.

    Angle within 30 degrees, any hue, saturation and value between 0.7 and 1.3.
    """
    generator = np.random.default_rng(seed)
    return (PLAIN, *(draw_variant(generator) for _ in range(count)))


def draw_variant(generator: np.random.Generator) -> Variant:
    """One random variant, in the ranges of `draw_variants`."""
    return Variant(*map(float, generator.uniform(*_RANGES)))
