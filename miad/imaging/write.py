"""Write pixels as PNG, which every viewer reads and which loses nothing, or as the kind of file that they came in."""

from pathlib import Path

import numpy as np
from PIL import Image

from miad.errors import InputError
from miad.imaging.files import atomic_path
from miad.imaging.png import encode_deep_png
from miad.imaging.stored import Stored
from miad.imaging.tiff import encode_tiff
from miad.tensors import Pixels

_EFFORT = 4
"""Of zlib's 9: nearly three times as fast as its usual 6, for files 2.5 % larger (photographs of skin)."""


def write_png(path: Path, pixels: Pixels) -> None:
    """Write uint8 ``(h, w)`` or ``(h, w, 3)`` pixels; the file appears whole or not at all.

    Raises:
        RunError: the folder can not be written.
    """
    with atomic_path(path) as draft:
        Image.fromarray(pixels).save(draft, format="png", compress_level=_EFFORT)


def write_stored(path: Path, image: Stored) -> None:
    """Write an image in its own depth as the kind of file that it is; the file appears whole or not at all.

    Raises:
        InputError: PNG can not hold its pixels.
        RunError: the folder can not be written.
    """
    if image.plain:
        write_png(path, image.view)
        return
    data = _encode(path, image)
    with atomic_path(path) as draft:
        draft.write_bytes(data)


def _encode(path: Path, image: Stored) -> bytes:
    if image.shell is not None:
        return image.shell.fill(image.pixels)
    if image.kind == "tiff":
        return encode_tiff(image.pixels, image.window)
    if image.pixels.dtype != np.uint16:
        raise InputError(f"{path}: expected pixels that PNG can hold, found {image.pixels.dtype}")
    return encode_deep_png(image.pixels, image.window)
