"""Pixels in, pixels out: reading without loss of meaning, writing without loss of bits."""

from miad.imaging.digest import pixel_digest
from miad.imaging.files import atomic_path, draft_of, remove_drafts, remove_drafts_of, write_failure
from miad.imaging.mask import read_mask
from miad.imaging.read import image_size, read_image
from miad.imaging.resize import fit_longer_side, resize, resize_mask
from miad.imaging.stack import from_tensor, is_grey, to_tensor
from miad.imaging.write import write_png

__all__ = [
    "atomic_path",
    "draft_of",
    "fit_longer_side",
    "from_tensor",
    "image_size",
    "is_grey",
    "pixel_digest",
    "read_image",
    "read_mask",
    "remove_drafts",
    "remove_drafts_of",
    "resize",
    "resize_mask",
    "to_tensor",
    "write_failure",
    "write_png",
]
