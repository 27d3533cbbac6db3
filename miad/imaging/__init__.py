"""Pixels in, pixels out: reading without loss of meaning, writing without loss of bits."""

from miad.imaging.derived import resize_stored, with_mark
from miad.imaging.dicom import Shell
from miad.imaging.digest import file_digest, pixel_digest
from miad.imaging.files import atomic_path, draft_of, remove_drafts, remove_drafts_of, write_failure
from miad.imaging.mask import read_mask
from miad.imaging.read import file_kind, image_size, is_dicom_file, read_image, read_stored
from miad.imaging.resize import fit_longer_side, resize, resize_mask
from miad.imaging.stack import from_tensor, is_grey, to_tensor
from miad.imaging.stored import SUFFIXES, FileKind, Stored
from miad.imaging.window import Window
from miad.imaging.write import write_png, write_stored

__all__ = [
    "SUFFIXES",
    "FileKind",
    "Shell",
    "Stored",
    "Window",
    "atomic_path",
    "draft_of",
    "file_digest",
    "file_kind",
    "fit_longer_side",
    "from_tensor",
    "image_size",
    "is_dicom_file",
    "is_grey",
    "pixel_digest",
    "read_image",
    "read_mask",
    "read_stored",
    "remove_drafts",
    "remove_drafts_of",
    "resize",
    "resize_mask",
    "resize_stored",
    "to_tensor",
    "with_mark",
    "write_failure",
    "write_png",
    "write_stored",
]
