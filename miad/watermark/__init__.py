"""The logo and how it meets an image: variants, placements, the compositor and its inverse."""

from miad.watermark.atlas import Atlas, make_atlas, stack
from miad.watermark.blend import alpha_map, blend, mix, preimages
from miad.watermark.emblems import NAMES, draw_emblem
from miad.watermark.logo import Logo, load_logo, load_logos
from miad.watermark.placement import Placement
from miad.watermark.rendering import AlphaMode, Rendering, fit, render
from miad.watermark.texture import NO_TEXTURE, KeyedTexture, Texture, TextureOptions, keyed_texture
from miad.watermark.variant import PLAIN, Variant, draw_variant, draw_variants

__all__ = [
    "NAMES",
    "NO_TEXTURE",
    "PLAIN",
    "AlphaMode",
    "Atlas",
    "KeyedTexture",
    "Logo",
    "Placement",
    "Rendering",
    "Texture",
    "TextureOptions",
    "Variant",
    "alpha_map",
    "blend",
    "draw_emblem",
    "draw_variant",
    "draw_variants",
    "fit",
    "keyed_texture",
    "load_logo",
    "load_logos",
    "make_atlas",
    "mix",
    "preimages",
    "render",
    "stack",
]
