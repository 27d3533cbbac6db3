"""A rendering of the logo as bytes."""

import hashlib
import struct
import zlib

import numpy as np

from miad.errors import InputError
from miad.watermark import Rendering

_SIZE = struct.Struct(">II")
LARGEST = 1 << 28
"""Samples; what a damaged key says is not to fill the memory."""


def rendering_digest(rendering: Rendering) -> str:
    """sha256 (hex) of a rendering's size and pixels."""
    rgba = rendering.rgba
    return hashlib.sha256(f"{rgba.shape}\n".encode() + rgba.tobytes()).hexdigest()


def pack_rendering(rendering: Rendering) -> bytes:
    """Height, width, and the compressed pixels."""
    rgba = rendering.rgba
    return _SIZE.pack(*rgba.shape[:2]) + zlib.compress(rgba.tobytes(), 9)


def unpack_rendering(data: bytes) -> Rendering:
    """Inverse of `pack_rendering`.

    Raises:
        InputError: the data are damaged.
    """
    try:
        height, width = _SIZE.unpack_from(data)
        return unpack_rgba(height, width, data[_SIZE.size :])
    except (struct.error, zlib.error, ValueError, TypeError) as error:
        raise InputError("a rendering in the key is damaged") from error


def unpack_rgba(height: int, width: int, data: bytes) -> Rendering:
    """A rendering of compressed pixels.

    Raises:
        ValueError: there are not as many pixels.
        zlib.error: they are damaged.
    """
    samples = height * width * 4
    if not 0 < samples <= LARGEST:
        raise ValueError("a rendering of an impossible size")
    stream = zlib.decompressobj()
    pixels = np.frombuffer(stream.decompress(data, samples + 1), dtype=np.uint8)
    if not stream.eof or pixels.size != samples:
        raise ValueError("a rendering of other pixels than its size says")
    return Rendering.from_rgba(pixels.reshape(height, width, 4))
