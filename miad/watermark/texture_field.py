"""Random fields drawn from a secret: SHAKE-256 and integers only, so that a key's textures are the same for ever.

A field is a sum of patches of 1, 2, 4, ... pixels, all of about one strength. Natural images have their contrast so
distributed, and noise of their own spectrum leaves a filter no frequency at which it could tell the two apart.
"""

import hashlib
from math import isqrt

import numpy as np
from numpy.typing import NDArray

FIELDS = 5
"""Drawn together: one for the opacity, one that the colours share, and one for each of them."""
FULL = 255
"""Fields reach from -255 to 255."""
_PERSON = b"miad texture 1\n"


def draw_fields(secret: bytes, height: int, width: int, grain: int) -> NDArray[np.int64]:
    """Random fields; a smaller one is the top left corner of a larger one.

    Args:
        secret: what they are drawn from.
        height: in pixels.
        width: in pixels.
        grain: side of the largest patches in pixels, a power of two.

    Returns:
        ``(FIELDS, height, width)``, -255..255, with a standard deviation of about 140.
    """
    octaves = [1 << number for number in range(grain.bit_length())]
    # One-pixel patches are not interpolated, and would be half as strong again as the others.
    total = sum(_patches(secret, height, width, side) * (2 if side == 1 else 3) // 3 for side in octaves)
    return (np.asarray(total) * isqrt(131072 // len(octaves)) >> 8).clip(-FULL, FULL)


def _patches(secret: bytes, height: int, width: int, side: int) -> NDArray[np.int64]:
    """Values on a lattice of this spacing, at a random offset, and between them linearly."""
    top, left = (byte % side for byte in _stream(secret, side, b"offset", 2))
    rows, columns = np.arange(height) + top, np.arange(width) + left
    lattice = _lattice(secret, side, (height - 1 + top) // side + 2, (width - 1 + left) // side + 2)
    down, across = (rows % side)[:, None], (columns % side)[None]
    above, below = lattice[:, rows // side], lattice[:, rows // side + 1]
    upper, lower = (
        (side - across) * line[..., columns // side] + across * line[..., columns // side + 1]
        for line in (above, below)
    )
    return ((side - down) * upper + down * lower) // side**2


def _lattice(secret: bytes, side: int, height: int, width: int) -> NDArray[np.int64]:
    """Uniform odd numbers ``(FIELDS, height, width)``, -255..255; longer rows begin like shorter ones."""
    rows = [_stream(secret, side, b"row %d" % row, FIELDS * width) for row in range(height)]
    drawn = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(height, width, FIELDS)
    return 2 * drawn.transpose(2, 0, 1).astype(np.int64) - FULL


def _stream(secret: bytes, side: int, what: bytes, length: int) -> bytes:
    return hashlib.shake_256(_PERSON + b"%d\n%d\n" % (len(secret), side) + secret + what).digest(length)
