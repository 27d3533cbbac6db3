"""What a delta was made of, where that is smaller than the delta itself.

A pattern says how an encoder is to look for it; what it finds goes into the key, and gives the nominal delta again.
Whether a pattern fits is no condition: what it does not explain is stored beside it.
"""

import struct
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import from_numpy

from miad.errors import InputError
from miad.keys.rendering import rendering_digest
from miad.keys.saturation import Rule
from miad.keys.stream import pack_stream, unpack_stream
from miad.tensors import Pixels
from miad.vaccine import SEED_BYTES, expand_seed, tile
from miad.watermark import Rendering

_LENGTH = struct.Struct(">II")
_ZERO = 128
"""The level of a universal delta's picture that stands for no delta."""


@dataclass(frozen=True)
class Seeded:
    """Noise from a seed.

    Args:
        eps: largest delta, 1..127.
        seed: as of `draw_seed`.
    """

    eps: int
    seed: bytes = field(repr=False)


@dataclass(frozen=True)
class Blocks:
    """One sign, times the largest delta, a channel of each block.

    Args:
        eps: largest delta, 1..127.
        side: of the blocks, in pixels.
    """

    eps: int
    side: int


@dataclass(frozen=True, eq=False)
class Shared:
    """One delta for many images, which a key holds once.

    Args:
        eps: largest delta, 1..127.
        picture: of `picture_of`.
    """

    eps: int
    picture: Rendering

    @cached_property
    def digest(self) -> str:
        """Its name in the key."""
        return rendering_digest(self.picture)


Pattern: TypeAlias = Seeded | Blocks | Shared


class Nominal(NamedTuple):
    """A pattern found in an image."""

    data: bytes
    """For the key."""
    delta: NDArray[np.int64]
    """Of the image's shape."""


def picture_of(delta: NDArray[np.int8]) -> Rendering:
    """A universal delta as the picture that keys and runs store: its levels above 128, grey where it is grey.

    Args:
        delta: ``(1 or 3, h, w)``.
    """
    levels = (np.broadcast_to(delta, (3, *delta.shape[1:])).astype(np.int16) + _ZERO).astype(np.uint8)
    return Rendering(np.ascontiguousarray(levels.transpose(1, 2, 0)), np.full(delta.shape[1:], 255, np.uint8))


def delta_of(picture: Rendering) -> NDArray[np.int8]:
    """Inverse of `picture_of`: ``(3, h, w)``."""
    return (picture.rgb.astype(np.int16) - _ZERO).clip(-127, 127).astype(np.int8).transpose(2, 0, 1)


def find(pattern: Pattern, original: Pixels, host: Pixels, rule: Rule) -> Nominal:
    """Look for a pattern in what was added to an image."""
    if isinstance(pattern, Seeded):
        return Nominal(b"s" + pattern.seed, _expand(pattern.seed, host.shape, pattern.eps))
    if isinstance(pattern, Shared):
        return Nominal(b"u" + bytes.fromhex(pattern.digest), _lay(pattern.picture, host.shape))
    signs = _signs(original, host, pattern.side, rule)
    packed = pack_stream(np.packbits(signs > 0).tobytes())
    data = b"b" + _LENGTH.pack(pattern.side, len(packed)) + packed
    return Nominal(data, _spread(signs, host.shape, pattern.side, pattern.eps))


def read(data: bytes, shape: tuple[int, ...], eps: int, shared: Rendering | None) -> tuple[NDArray[np.int64], bytes]:
    """The nominal delta again, and what follows it.

    Raises:
        InputError: the data are damaged, or what they refer to is missing.
        struct.error: they are cut short.
    """
    kind, rest = data[:1], data[1:]
    if kind == b"s" and len(rest) >= SEED_BYTES:
        return _expand(rest[:SEED_BYTES], shape, eps), rest[SEED_BYTES:]
    if kind == b"u" and len(rest) >= SEED_BYTES:
        if shared is None or rendering_digest(shared) != rest[:SEED_BYTES].hex():
            raise InputError("the key is damaged: a delta that images share is missing")
        return _lay(shared, shape), rest[SEED_BYTES:]
    if kind == b"b":
        side, length = _LENGTH.unpack_from(rest)
        return _read_blocks(rest[_LENGTH.size :][:length], side, shape, eps), rest[_LENGTH.size + length :]
    raise InputError("a delta in the key is damaged")


def reference(data: bytes) -> str:
    """Digest of the shared delta that packed data name; empty where they name none."""
    return data[1 : 1 + SEED_BYTES].hex() if data[:1] == b"u" else ""


def _expand(seed: bytes, shape: tuple[int, ...], eps: int) -> NDArray[np.int64]:
    # The noise was drawn plane by plane.
    if len(shape) == 2:
        return expand_seed(seed, shape, eps).astype(np.int64)
    return np.moveaxis(expand_seed(seed, (shape[2], *shape[:2]), eps), 0, 2).astype(np.int64)


def _lay(picture: Rendering, shape: tuple[int, ...]) -> NDArray[np.int64]:
    laid = tile(from_numpy(delta_of(picture).copy()), (shape[0], shape[1])).numpy().astype(np.int64)
    return laid[0] if len(shape) == 2 else np.moveaxis(laid, 0, 2)


def _grid(shape: tuple[int, ...], side: int) -> tuple[int, ...]:
    return (-(-shape[0] // side), -(-shape[1] // side), *shape[2:])


def _signs(original: Pixels, host: Pixels, side: int, rule: Rule) -> NDArray[np.int64]:
    """1 or -1 a block; where nothing was added, the sign that explains it at the least cost."""
    added = _sums(host.astype(np.int64) - original, side)
    # Delta that was clipped away pointed out of 0..255; one that was spared leaves no doubt if it points inside.
    dark = _sums(original.astype(np.int64) - 128, side) < 0
    unseen = np.where(dark == (rule == "spare"), 1, -1)
    return np.where(added == 0, unseen, np.sign(added))


def _sums(values: NDArray[np.int64], side: int) -> NDArray[np.int64]:
    rows = np.add.reduceat(values, np.arange(0, values.shape[0], side), axis=0)
    return np.add.reduceat(rows, np.arange(0, values.shape[1], side), axis=1)


def _spread(signs: NDArray[np.int64], shape: tuple[int, ...], side: int, eps: int) -> NDArray[np.int64]:
    rows, columns = (np.arange(length) // side for length in shape[:2])
    return eps * signs[rows[:, None], columns]


def _read_blocks(data: bytes, side: int, shape: tuple[int, ...], eps: int) -> NDArray[np.int64]:
    if not side:
        raise InputError("a delta in the key is damaged")
    grid = _grid(shape, side)
    count = int(np.prod(grid))
    bits = np.frombuffer(unpack_stream(data, -(-count // 8)), dtype=np.uint8)
    signs = 2 * np.unpackbits(bits, count=count).astype(np.int64) - 1
    return _spread(signs.reshape(grid), shape, side, eps)
