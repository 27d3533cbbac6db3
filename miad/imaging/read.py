"""Read an image file as uint8 pixels: grey stays ``(h, w)``, colour becomes RGB ``(h, w, 3)``.

Files that do not hold 8-bit grey or RGB pixels are refused rather than converted, because a conversion
could not be undone by a key.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from miad.errors import InputError
from miad.tensors import Pixels

LARGEST = 89_000_000
"""Pixels; where Pillow begins to warn of decompression bombs."""
_EXACT = {"L": "L", "RGB": "RGB", "1": "L", "P": "RGB"}
"""Pillow modes whose pixels survive the conversion on the right unchanged (palettes become their colours)."""


def read_image(path: Path) -> Pixels:
    """Decode a whole file, upright (EXIF orientation applied).

    Args:
        path: PNG, JPEG, TIFF, BMP or any other file that Pillow decodes.

    Returns:
        uint8 ``(h, w)`` for grey files, ``(h, w, 3)`` for colour.

    Raises:
        InputError: the file is missing, is no image, is truncated, or holds other than 8-bit grey or RGB.
    """
    try:
        with Image.open(path) as file:
            mode = _exact_mode(path, file)
            ImageOps.exif_transpose(file, in_place=True)  # large images are not to be copied
            return np.array(file if file.mode == mode else file.convert(mode))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of the upright image, from the file's header alone.

    Raises:
        InputError: as `read_image`, except that truncated pixels are not noticed.
    """
    try:
        with Image.open(path) as file:
            _exact_mode(path, file)
            turned = file.getexif().get(0x0112, 1) >= 5  # EXIF orientations 5..8 swap the sides
            return (file.width, file.height) if turned else (file.height, file.width)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def check_pixels(path: Path, file: Image.Image) -> None:
    """An image is not larger than what is read, whatever its header claims; a small file can claim anything.

    Raises:
        InputError: it is.
    """
    if file.width * file.height > LARGEST:
        raise InputError(
            f"{path}: expected at most {LARGEST // 10**6} million pixels, found {file.width}x{file.height}; shrink the "
            "image or take it out"
        )


def _exact_mode(path: Path, file: ImageFile) -> str:
    check_pixels(path, file)
    deep = any(";16" in str(tile) for tile in file.tile)  # Pillow would cut 16-bit RGB to 8 bits and say "RGB"
    if getattr(file, "n_frames", 1) > 1:
        raise InputError(f"{path}: expected one image, found {file.n_frames} pages; split the file first")  # type: ignore[attr-defined]
    if file.mode not in _EXACT or deep or "transparency" in file.info:
        found = f"Pillow mode {file.mode!r}" + (" of 16 bits" if deep else "")
        found = "a transparent colour" if "transparency" in file.info else found
        raise InputError(f"{path}: expected 8-bit grey or RGB pixels, found {found}; convert the file first")
    return _EXACT[file.mode]


def _unreadable(path: Path, error: Exception) -> InputError:
    if isinstance(error, InputError):
        return error
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: no such file")
    if isinstance(error, UnidentifiedImageError):
        return InputError(f"{path}: not an image file; replace it or take its row out of the table")
    return InputError(f"{path}: can not be decoded ({error}); copy the file again or take its row out of the table")
