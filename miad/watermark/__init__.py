"""The logo and how it meets an image: variants, placements, the compositor and its inverse."""

from miad.watermark.atlas import Atlas, make_atlas, stack
from miad.watermark.blend import alpha_map, blend, check_opacities, mix, preimages
from miad.watermark.deep import alpha_levels, blend_stored, logo_levels, mix_stored, preimages_stored
from miad.watermark.emblems import NAMES, draw_emblem
from miad.watermark.logo import Logo, load_logo, load_logos
from miad.watermark.placement import Placement
from miad.watermark.rendering import AlphaMode, Rendering, fit, render
from miad.watermark.texture import NO_TEXTURE, KeyedTexture, Texture, TextureOptions, keyed_texture, textured
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
    "alpha_levels",
    "alpha_map",
    "blend",
    "blend_stored",
    "check_opacities",
    "draw_emblem",
    "draw_variant",
    "draw_variants",
    "fit",
    "keyed_texture",
    "load_logo",
    "load_logos",
    "logo_levels",
    "make_atlas",
    "mix",
    "mix_stored",
    "preimages",
    "preimages_stored",
    "render",
    "stack",
    "textured",
]
