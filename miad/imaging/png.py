"""PNG with 16 bits a sample, exactly: Pillow would cut its colours to 8 bits.

PNG has no place for the levels that are to be seen as black and white; they are kept as a text, ``Window``, which other
readers leave alone.
"""

import struct
import zlib

import imagecodecs
import numpy as np

from miad.errors import InputError
from miad.imaging.window import Window, extremes
from miad.tensors import StoredPixels

MAGIC = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">I4sIIBB")
_TEXT, _PIXELS = b"tEXt", b"IDAT"
_KEYWORD = b"Window\0"
_COLOURS = {0: "grey", 2: "RGB"}


def is_deep_png(head: bytes) -> bool:
    """Whether a file that begins so is a PNG of 16-bit grey or RGB samples."""
    if not head.startswith(MAGIC) or len(head) < len(MAGIC) + _HEADER.size:
        return False
    _, name, _, _, depth, colour = _HEADER.unpack_from(head, len(MAGIC))
    return name == b"IHDR" and depth == 16 and colour in _COLOURS


def decode_deep_png(data: bytes) -> tuple[StoredPixels, Window]:
    """Pixels as they lie in the file, uint16 ``(h, w)`` or ``(h, w, 3)``, and which of their levels are seen.

    Raises:
        InputError: the file is damaged.
    """
    try:
        pixels = imagecodecs.png_decode(data)
        window = _read_window(data)
    except (imagecodecs.PngError, ValueError, struct.error) as error:
        raise InputError(f"can not be decoded ({error})") from error
    if pixels.dtype != np.uint16 or pixels.ndim not in (2, 3):
        raise InputError(f"expected 16-bit grey or RGB pixels, found {pixels.dtype} of shape {pixels.shape}")
    return pixels.astype("<u2"), extremes(pixels) if window is None else window


def encode_deep_png(pixels: StoredPixels, window: Window) -> bytes:
    """Inverse of `decode_deep_png`."""
    data = bytes(imagecodecs.png_encode(np.ascontiguousarray(pixels, np.uint16)))
    text = _KEYWORD + f"{window.black:g} {window.white:g}".encode()
    at = data.index(_PIXELS) - 4  # before the first chunk of pixels
    return data[:at] + _chunk(_TEXT, text) + data[at:]


def _read_window(data: bytes) -> Window | None:
    for name, content in _chunks(data):
        if name == _TEXT and content.startswith(_KEYWORD):
            black, white = map(float, content[len(_KEYWORD) :].split())
            if black == white or not (0 <= black <= 65535 and 0 <= white <= 65535):
                raise ValueError(f"expected a window within the samples, found {black:g} to {white:g}")
            return Window(black, white)
    return None


def _chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    """Names and contents of what comes before the pixels."""
    chunks: list[tuple[bytes, bytes]] = []
    start = len(MAGIC)
    while True:
        length, name = struct.unpack_from(">I4s", data, start)
        if name == _PIXELS:
            return chunks
        chunks.append((name, data[start + 8 : start + 8 + length]))
        start += length + 12


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
