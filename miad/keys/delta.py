"""The delta of an image in its record."""

import zlib

import numpy as np

from miad.errors import InputError
from miad.tensors import StoredPixels


def pack_delta(original: StoredPixels, host: StoredPixels) -> bytes:
    """What was added to the original, compressed; nothing where they are equal.

    Args:
        original: stored pixels, ``(h, w)`` or ``(h, w, 3)``.
        host: the same shape and depth.
    """
    # Differences are added and taken off modulo 256, or 65536: any pair of images can be told.
    return b"" if np.array_equal(original, host) else zlib.compress((host - original).tobytes(), 9)


def subtract_delta(host: StoredPixels, delta: bytes) -> StoredPixels:
    """The original again.

    Args:
        host: stored pixels, ``(h, w)`` or ``(h, w, 3)``.
        delta: as `pack_delta` gives it.

    Raises:
        InputError: the delta is damaged, or another image's.
    """
    if not delta:
        return host
    stream = zlib.decompressobj()
    try:
        # No more is unpacked than the image has, whatever a damaged key says.
        unpacked = stream.decompress(delta, host.nbytes + 1)
    except zlib.error as error:
        raise InputError("a delta in the key is damaged") from error
    if not stream.eof or len(unpacked) != host.nbytes:
        raise InputError("a delta in the key is damaged")
    original: StoredPixels = host - np.frombuffer(unpacked, dtype=host.dtype).reshape(host.shape)
    return original
