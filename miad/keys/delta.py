"""The delta of an image in its record."""

import zlib

import numpy as np

from miad.errors import InputError
from miad.tensors import Pixels


def pack_delta(original: Pixels, host: Pixels) -> bytes:
    """What was added to the original, compressed; nothing where they are equal.

    Args:
        original: uint8 ``(h, w)`` or ``(h, w, 3)``.
        host: the same shape.
    """
    # Differences of bytes are added and taken off modulo 256: any pair of images can be told.
    return b"" if np.array_equal(original, host) else zlib.compress((host - original).tobytes(), 9)


def add_delta(original: Pixels, delta: bytes) -> Pixels:
    """The host again.

    Args:
        original: uint8 ``(h, w)`` or ``(h, w, 3)``.
        delta: as `pack_delta` gives it.

    Raises:
        InputError: the delta is damaged, or another image's.
    """
    return original - subtract_delta(np.zeros_like(original), delta)


def subtract_delta(host: Pixels, delta: bytes) -> Pixels:
    """The original again.

    Args:
        host: uint8 ``(h, w)`` or ``(h, w, 3)``.
        delta: as `pack_delta` gives it.

    Raises:
        InputError: the delta is damaged, or another image's.
    """
    if not delta:
        return host
    stream = zlib.decompressobj()
    try:
        # No more is unpacked than the image has, whatever a damaged key says.
        values = np.frombuffer(stream.decompress(delta, host.size + 1), dtype=np.uint8)
    except zlib.error as error:
        raise InputError("a delta in the key is damaged") from error
    if not stream.eof or values.size != host.size:
        raise InputError("a delta in the key is damaged")
    return host - values.reshape(host.shape)
