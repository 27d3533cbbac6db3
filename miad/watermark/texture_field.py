"""Random fields drawn from a secret: SHAKE-256 and integers only, so that a key's textures are the same for ever.

A field is a sum of patches of 1, 2, 4, ... pixels, all of about one strength. Natural images have their contrast so
distributed, and noise of their own spectrum leaves a filter no frequency at which it could tell the two apart.
"""

import hashlib
from collections.abc import Sequence
from math import isqrt

import numpy as np
from numpy.typing import NDArray

OPACITY, SHARED, *OWN = FIELDS = range(5)
"""One for the opacity, one that the colours share, and one for each of them."""
FULL = 255
"""Fields reach from -255 to 255."""
_PERSON = b"miad texture 1\n"


def draw_fields(
    secret: bytes, height: int, width: int, grain: int, chosen: Sequence[int] = FIELDS
) -> NDArray[np.int32]:
    """Random fields; a smaller one is the top left corner of a larger one.

    Args:
        secret: what they are drawn from.
        height: in pixels.
        width: in pixels.
        grain: side of the largest patches in pixels, a power of two.
        chosen: which of `FIELDS`; each is the same whichever others are drawn.

    Returns:
        ``(len(chosen), height, width)``, -255..255, with a standard deviation of about 137.
    """
    total = np.zeros((len(chosen), height, width), dtype=np.int32)
    octaves = grain.bit_length()
    for octave in range(octaves):
        patches = _patches(secret, height, width, octave, chosen)
        # One-pixel patches are not interpolated, and would be half as strong again as the others.
        total += patches if octave else 2 * patches // 3
    total *= isqrt(131072 // octaves)
    return (total >> 8).clip(-FULL, FULL)


def _patches(secret: bytes, height: int, width: int, octave: int, chosen: Sequence[int]) -> NDArray[np.int32]:
    """Values on a lattice of 2**octave pixels, at a random offset, and between them linearly, rounded down."""
    side = 1 << octave
    top, left = (byte % side for byte in _stream(secret, side, b"offset", 2))
    rows, columns = (np.arange(size, dtype=np.int32) + start for size, start in ((height, top), (width, left)))
    lattice = _lattice(secret, side, (height - 1 + top) // side + 2, (width - 1 + left) // side + 2, chosen)
    if not octave:
        return lattice[:, :height, :width]
    across, down = columns % side, (rows % side)[:, None]
    lines = (side - across) * lattice[..., columns // side] + across * lattice[..., columns // side + 1]
    return (side - down) * lines[:, rows // side] + down * lines[:, rows // side + 1] >> 2 * octave


def _lattice(secret: bytes, side: int, height: int, width: int, chosen: Sequence[int]) -> NDArray[np.int32]:
    """Uniform odd numbers ``(len(chosen), height, width)``, -255..255; longer rows begin like shorter ones."""
    rows = [_stream(secret, side, b"row %d" % row, len(FIELDS) * width) for row in range(height)]
    drawn = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(height, width, len(FIELDS))
    return 2 * drawn[..., list(chosen)].transpose(2, 0, 1).astype(np.int32) - FULL


def _stream(secret: bytes, side: int, what: bytes, length: int) -> bytes:
    return hashlib.shake_256(_PERSON + b"%d\n%d\n" % (len(secret), side) + secret + what).digest(length)
