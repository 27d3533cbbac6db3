"""The logo and how it meets an image: variants, placements, the compositor and its inverse."""

from miad.watermark.atlas import Atlas, make_atlas, stack
from miad.watermark.blend import alpha_map, blend, mix, preimages
from miad.watermark.emblems import NAMES, draw_emblem
from miad.watermark.logo import Logo, load_logo, load_logos
from miad.watermark.placement import Placement
from miad.watermark.rendering import AlphaMode, Rendering, fit, render
from miad.watermark.variant import PLAIN, Variant, draw_variant, draw_variants

__all__ = [
    "NAMES",
    "PLAIN",
    "AlphaMode",
    "Atlas",
    "Logo",
    "Placement",
    "Rendering",
    "Variant",
    "alpha_map",
    "blend",
    "draw_emblem",
    "draw_variant",
    "draw_variants",
    "fit",
    "load_logo",
    "load_logos",
    "make_atlas",
    "mix",
    "preimages",
    "render",
    "stack",
]
