"""Read an image file: as it is stored, or as it is seen.

What is seen are uint8 pixels: grey stays ``(h, w)``, colour becomes RGB ``(h, w, 3)``. Files that hold other than
grey or RGB pixels of 8 or 16 bits are refused rather than converted, because a key could not undo a conversion.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.ImageFile import ImageFile

from miad.errors import InputError
from miad.imaging.dicom.parsing import HEAD, is_dicom
from miad.imaging.dicom.reading import dicom_size, read_dicom
from miad.imaging.png import decode_deep_png, is_deep_png
from miad.imaging.stored import FileKind, Stored
from miad.imaging.tiff import decode_deep_tiff, deep_tiff_shape, is_deep_tiff, is_tiff
from miad.imaging.window import Window
from miad.tensors import Pixels, StoredPixels

LARGEST = 89_000_000
"""Pixels; where Pillow begins to warn of decompression bombs."""
_EXACT = {"L": "L", "RGB": "RGB", "1": "L", "P": "RGB"}
"""Pillow modes whose pixels survive the conversion on the right unchanged (palettes become their colours)."""
_ORIENTATION = 0x0112
_UPRIGHT: dict[int, Callable[[StoredPixels], StoredPixels]] = {
    1: lambda stored: stored,
    2: np.fliplr,
    3: lambda stored: np.rot90(stored, 2),
    4: np.flipud,
    5: lambda stored: stored.swapaxes(0, 1),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: np.rot90(stored, 2).swapaxes(0, 1),
    8: lambda stored: np.rot90(stored, 1),
}
"""What the values of the EXIF tag ask for."""


def read_image(path: Path) -> Pixels:
    """Decode a whole file, upright (EXIF orientation applied), as it is seen.

    Args:
        path: PNG, JPEG, TIFF, BMP or any other file that Pillow decodes, or DICOM.

    Returns:
        uint8 ``(h, w)`` for grey files, ``(h, w, 3)`` for colour.

    Raises:
        InputError: as `read_stored`.
    """
    return read_stored(path).view


def read_stored(path: Path) -> Stored:
    """Decode a whole file, upright (EXIF orientation applied), in its own depth.

    Args:
        path: as of `read_image`.

    Raises:
        InputError: the file is missing, is no image, is truncated, or holds other than 8- or 16-bit grey or RGB.
    """
    head = _head(path)
    if is_dicom(head):
        return read_dicom(path)
    try:
        if is_deep_png(head):
            return _read_deep_png(path)
        data = path.read_bytes() if is_tiff(head) else b""
        if data and is_deep_tiff(data):
            check_pixels(path, *deep_tiff_shape(data)[:2])
            return _deep(*decode_deep_tiff(data), kind="tiff")
        with Image.open(path) as file:
            mode = _exact_mode(path, file)
            ImageOps.exif_transpose(file, in_place=True)  # large images are not to be copied
            pixels = np.array(file if file.mode == mode else file.convert(mode))
            return Stored(pixels, kind="tiff" if data else "png")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def image_size(path: Path) -> tuple[int, int]:
    """Height and width of the upright image, from the file's header alone.

    Raises:
        InputError: as `read_image`, except that truncated pixels are not noticed.
    """
    head = _head(path)
    if is_dicom(head):
        return dicom_size(path)
    try:
        if is_tiff(head) and is_deep_tiff(data := path.read_bytes()):
            height, width, orientation = deep_tiff_shape(data)
            return (width, height) if orientation >= 5 else (height, width)
        with Image.open(path) as file:
            if not is_deep_png(head):
                _exact_mode(path, file)
            turned = file.getexif().get(_ORIENTATION, 1) >= 5  # EXIF orientations 5..8 swap the sides
            return (file.width, file.height) if turned else (file.height, file.width)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise _unreadable(path, error) from error


def file_kind(path: Path) -> FileKind:
    """What a file is written as when it is marked, from its first bytes.

    Raises:
        InputError: it is missing.
    """
    head = _head(path)
    return "dicom" if is_dicom(head) else "tiff" if is_tiff(head) else "png"


def is_dicom_file(path: Path) -> bool:
    """Whether a file is DICOM, whatever its name; false for one that can not be read."""
    try:
        return is_dicom(_head(path))
    except InputError:
        return False


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError as error:
        raise _unreadable(path, error) from error


def _read_deep_png(path: Path) -> Stored:
    with Image.open(path) as file:  # knows where up is
        check_pixels(path, file.width, file.height)
        if "transparency" in file.info:
            raise InputError(f"{path}: expected grey or RGB pixels, found a transparent colour; convert the file first")
        orientation = file.getexif().get(_ORIENTATION, 1)
    return _deep(*decode_deep_png(path.read_bytes()), orientation, kind="png")


def _deep(pixels: StoredPixels, window: Window, orientation: int, *, kind: FileKind) -> Stored:
    limits = np.iinfo(pixels.dtype)
    upright = np.ascontiguousarray(_UPRIGHT.get(orientation, _UPRIGHT[1])(pixels))
    return Stored(upright, window, (int(limits.min), int(limits.max)), kind)


def check_pixels(path: Path, width: int, height: int) -> None:
    """An image is not larger than what is read, whatever its header claims; a small file can claim anything.

    Raises:
        InputError: it is.
    """
    if width * height > LARGEST:
        raise InputError(
            f"{path}: expected at most {LARGEST // 10**6} million pixels, found {width}x{height}; shrink the "
            "image or take it out"
        )


def _exact_mode(path: Path, file: ImageFile) -> str:
    check_pixels(path, file.width, file.height)
    deep = any(";16" in str(tile) for tile in file.tile)  # Pillow would cut 16-bit RGB to 8 bits and say "RGB"
    if getattr(file, "n_frames", 1) > 1:
        raise InputError(f"{path}: expected one image, found {file.n_frames} pages; split the file first")  # type: ignore[attr-defined]
    if file.mode not in _EXACT or deep or "transparency" in file.info:
        found = f"Pillow mode {file.mode!r}" + (" of 16 bits" if deep else "")
        found = "a transparent colour" if "transparency" in file.info else found
        raise InputError(f"{path}: expected 8- or 16-bit grey or RGB pixels, found {found}; convert the file first")
    return _EXACT[file.mode]


def _unreadable(path: Path, error: Exception) -> InputError:
    if isinstance(error, InputError):
        return error if str(path) in str(error) else InputError(f"{path}: {error}")
    if isinstance(error, FileNotFoundError):
        return InputError(f"{path}: no such file")
    if isinstance(error, UnidentifiedImageError):
        empty = " (it is empty)" if path.is_file() and not path.stat().st_size else ""
        return InputError(f"{path}: not an image file{empty}; replace it, or leave it out")
    return InputError(f"{path}: can not be decoded ({error}); copy the file again, or leave it out")
