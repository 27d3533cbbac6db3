"""TIFF with 16 bits a sample, exactly, and TIFF out."""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import tifffile

from miad.errors import InputError
from miad.imaging.window import IDENTITY, Window, extremes
from miad.tensors import StoredPixels

_MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_WINDOWS = ((340, 341), (280, 281))
"""SMinSampleValue and SMaxSampleValue; MinSampleValue and MaxSampleValue."""
_MIN_IS_WHITE = tifffile.PHOTOMETRIC.MINISWHITE
_GREY = (_MIN_IS_WHITE, tifffile.PHOTOMETRIC.MINISBLACK)
_DEFLATE = "zlib"
_MOST_PIXELS = 178_956_970
"""As Pillow has it."""


def is_tiff(head: bytes) -> bool:
    """Whether a file that begins so is a TIFF."""
    return head.startswith(_MAGIC)


def is_deep_tiff(data: bytes) -> bool:
    """Whether it has 16 bits a sample."""
    try:
        with tifffile.TiffFile(BytesIO(data)) as file:
            return bool(file.pages.first.bitspersample == 16)
    except Exception:  # a damaged file may raise anything; whoever reads it next says what is wrong
        return False


def decode_deep_tiff(data: bytes) -> tuple[StoredPixels, Window, int]:
    """Pixels as they lie in the file, which of their levels are seen, and the orientation, 1 to 8.

    Raises:
        InputError: the file is damaged, or holds other than one 16-bit grey or RGB image.
    """
    try:
        with tifffile.TiffFile(BytesIO(data)) as file:
            page = file.pages.first
            _check(page, len(file.pages))
            pixels = _pixels(page)
            orientation = int(page.tags.valueof(274, 1))
            return pixels, _window(page, pixels), orientation if 1 <= orientation <= 8 else 1
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"can not be decoded ({' '.join(str(error).split())})") from error


def deep_tiff_shape(data: bytes) -> tuple[int, int, int]:
    """Rows, columns and orientation.

    Raises:
        InputError: as `decode_deep_tiff`, except that damaged pixels are not noticed.
    """
    with tifffile.TiffFile(BytesIO(data)) as file:
        page = file.pages.first
        _check(page, len(file.pages))
        return page.imagelength, page.imagewidth, int(page.tags.valueof(274, 1))


def encode_tiff(pixels: StoredPixels, window: Window) -> bytes:
    """Inverse of `decode_deep_tiff`, upright; of 8-bit pixels too."""
    inverted = window.white < window.black
    grey = "miniswhite" if inverted else "minisblack"
    buffer = BytesIO()
    tifffile.imwrite(
        buffer,
        np.ascontiguousarray(pixels),
        photometric="rgb" if pixels.ndim == 3 else grey,
        compression=_DEFLATE,
        metadata=None,
        software="",
        extratags=[] if window == IDENTITY else _window_tags(pixels, window),
    )
    return buffer.getvalue()


def _check(page: Any, pages: int) -> None:  # noqa: ANN401  (tifffile's pages have no common type)
    if pages > 1:
        raise InputError(f"expected one image, found {pages} pages; split the file first")
    samples, kind = page.samplesperpixel, page.photometric
    grey, rgb = samples == 1 and kind in _GREY, samples == 3 and kind == tifffile.PHOTOMETRIC.RGB
    if not (grey or rgb) or page.sampleformat not in (1, 2) or page.imagedepth != 1:
        raise InputError(
            f"expected 8- or 16-bit grey or RGB pixels, found {samples} samples of {kind.name}; convert the file first"
        )
    if not 0 < page.imagelength * page.imagewidth <= _MOST_PIXELS:
        raise InputError(f"expected up to {_MOST_PIXELS} pixels, found {page.imagewidth}x{page.imagelength}")


def _pixels(page: Any) -> StoredPixels:  # noqa: ANN401
    pixels = page.asarray()
    if page.samplesperpixel == 3 and page.planarconfig == tifffile.PLANARCONFIG.SEPARATE:
        pixels = pixels.transpose(1, 2, 0)
    stored: StoredPixels = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
    return stored


def _window(page: Any, pixels: StoredPixels) -> Window:  # noqa: ANN401
    found = next((ends for names in _WINDOWS if (ends := _ends(page, names)) is not None), None)
    seen = extremes(pixels) if found is None else Window(*found)
    return Window(seen.white, seen.black) if page.photometric == _MIN_IS_WHITE else seen


def _ends(page: Any, names: tuple[int, int]) -> tuple[int, int] | None:  # noqa: ANN401
    low, high = (page.tags.valueof(name) for name in names)
    if low is None or high is None:
        return None
    ends = int(np.min(low)), int(np.max(high))
    return ends if ends[0] < ends[1] else None


def _window_tags(pixels: StoredPixels, window: Window) -> Sequence[tuple[int, str, int, Any, bool]]:
    samples = 3 if pixels.ndim == 3 else 1
    levels = [round(end) for end in sorted((window.black, window.white))]
    code = {"int16": "h", "int8": "b", "uint8": "B"}.get(pixels.dtype.name, "H")
    return [
        (name, code, samples, (level,) * samples if samples > 1 else level, True)
        for name, level in zip(_WINDOWS[0], levels, strict=True)
    ]
