"""The delta of an image in its record, in the fewest bytes that give the image back exactly.

The first byte tells how it is packed. Keys before patterns had a stream of zlib, whose own first byte is 0x78; it is
still read.
"""

import struct
import zlib
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from miad.errors import InputError
from miad.keys.pattern import Pattern, find, read, reference
from miad.keys.remainder import pack, unpack
from miad.keys.saturation import Choices, Rule, choices
from miad.keys.stream import pack_stream, unpack_stream
from miad.tensors import Pixels, StoredPixels
from miad.watermark import Rendering

_DEFLATE, _LEVELS, _PATTERN = b"\x78", b"\x01", b"\x02"
_BOX = struct.Struct(">4I")
_HEAD = struct.Struct(">BB")
_LENGTH = struct.Struct(">I")
_RULES: tuple[Rule, Rule] = ("spare", "clip")
_LARGEST = 127


def pack_delta(original: StoredPixels, host: StoredPixels, pattern: Pattern | None = None) -> bytes:
    """What was added to the original; nothing where they are equal.

    Args:
        original: stored pixels, ``(h, w)`` or ``(h, w, 3)``.
        host: the same shape and depth.
        pattern: what delta was made of; whatever it does not explain is packed beside it. It is of 8-bit levels, and
            explains nothing of deeper pixels.
    """
    if np.array_equal(original, host):
        return b""
    packed = []
    if pattern is not None and _is_shallow(original) and _is_shallow(host):
        for rule in _RULES:
            whole, data = _pack_pattern(original, host, pattern, rule)
            if whole:  # nothing is left to explain; other ways take longer to try than they could save
                return _PATTERN + data
            packed.append(_PATTERN + data)
    return min([*packed, _LEVELS + _pack_levels(original, host)], key=len)


def subtract_delta(host: StoredPixels, delta: bytes, shared: Rendering | None = None) -> StoredPixels:
    """The original again.

    Args:
        host: stored pixels, ``(h, w)`` or ``(h, w, 3)``.
        delta: as `pack_delta` gives it.
        shared: the picture that it refers to, see `shared_delta`.

    Raises:
        InputError: the delta is damaged, or another image's.
    """
    how, rest = delta[:1], delta[1:]
    if not how:
        return host
    try:
        if how == _DEFLATE and _is_shallow(host):
            return _subtract_deflated(host, delta)
        if how == _LEVELS:
            return _subtract_levels(host, rest)
        if how == _PATTERN and _is_shallow(host):
            return _subtract_pattern(host, rest, shared)
    except (zlib.error, struct.error, IndexError) as error:
        raise InputError("a delta in the key is damaged") from error
    raise InputError("a delta in the key is damaged")


def shared_delta(delta: bytes) -> str:
    """Digest of the picture of a delta that many images share, which a packed delta refers to; empty for none."""
    return reference(delta[1 + _HEAD.size :]) if delta[:1] == _PATTERN else ""


def nominal_delta(delta: bytes, shape: tuple[int, ...], shared: Rendering | None = None) -> NDArray[np.int64] | None:
    """What a packed delta would have added if there were no black and white; None where it is no pattern's.

    Args:
        delta: as `pack_delta` gives it.
        shape: of the image.
        shared: as of `subtract_delta`.

    Raises:
        InputError: the delta is damaged, or the shared picture is missing.
    """
    if delta[:1] != _PATTERN:
        return None
    try:
        eps, _ = _HEAD.unpack_from(delta, 1)
        return read(delta[1 + _HEAD.size :], shape, eps, shared)[0]
    except (struct.error, IndexError) as error:
        raise InputError("a delta in the key is damaged") from error


def _is_shallow(pixels: StoredPixels) -> TypeGuard[Pixels]:
    """Whether they have 8 bits, as everything but plain levels is made for."""
    return pixels.dtype == np.uint8


def _subtract_deflated(host: Pixels, delta: bytes) -> Pixels:
    stream = zlib.decompressobj()
    # No more is unpacked than the image has, whatever a damaged key says.
    values = np.frombuffer(stream.decompress(delta, host.size + 1), dtype=np.uint8)
    if not stream.eof or values.size != host.size:
        raise InputError("a delta in the key is damaged")
    return host - values.reshape(host.shape)


def _pack_levels(original: StoredPixels, host: StoredPixels) -> bytes:
    """The least box that holds all that was added, and the levels in it."""
    # Differences are added and taken off modulo 256, or 65536: any pair of images can be told.
    added = host - original
    places = np.nonzero(added)
    rows, columns = np.unique(places[0]), np.unique(places[1])
    box = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    return _BOX.pack(*box) + pack_stream(added[box[0] : box[1], box[2] : box[3]].tobytes())


def _subtract_levels(host: StoredPixels, data: bytes) -> StoredPixels:
    top, bottom, left, right = _BOX.unpack_from(data)
    if not (top < bottom <= host.shape[0] and left < right <= host.shape[1]):
        raise InputError("a delta in the key is damaged")
    original = host.copy()
    region = original[top:bottom, left:right]
    region -= _unpack_levels(data[_BOX.size :], region)
    return original


def _unpack_levels(data: bytes, like: StoredPixels) -> StoredPixels:
    """Levels of the shape and depth of other pixels."""
    levels: StoredPixels = np.frombuffer(unpack_stream(data, like.nbytes), dtype=like.dtype).reshape(like.shape)
    return levels


def _pack_pattern(original: Pixels, host: Pixels, pattern: Pattern, rule: Rule) -> tuple[bool, bytes]:
    """Whether the pattern explains all; largest delta, rule, pattern, which of the levels it was, and what is left."""
    nominal = find(pattern, original, host, rule)
    options = choices(host.astype(np.int64), nominal.delta, pattern.eps, rule)
    places = _places(original, options)
    told = pack(places.ravel(), options.counts.ravel()) if (options.counts > 1).any() else b""
    left = original - _levels(options, places)
    rest = pack_stream(left.tobytes()) if left.any() else b""
    head = _HEAD.pack(pattern.eps, _RULES.index(rule))
    return not rest, head + nominal.data + _LENGTH.pack(len(told)) + told + rest


def _subtract_pattern(host: Pixels, data: bytes, shared: Rendering | None) -> Pixels:
    eps, rule = _HEAD.unpack_from(data)
    if not (1 <= eps <= _LARGEST and rule < len(_RULES)):
        raise InputError("a delta in the key is damaged")
    nominal, rest = read(data[_HEAD.size :], host.shape, eps, shared)
    options = choices(host.astype(np.int64), nominal, eps, _RULES[rule])
    (length,) = _LENGTH.unpack_from(rest)
    told, left = rest[_LENGTH.size :][:length], rest[_LENGTH.size + length :]
    original = _levels(options, _read_places(told, options.counts))
    return original + _unpack_levels(left, host).astype(np.uint8) if left else original


def _places(original: Pixels, options: Choices) -> NDArray[np.int64]:
    """The best of the levels that may have been; the right one, where delta is what the pattern says."""
    steps = np.where(options.step == 0, 1, options.step)
    return ((original - options.first) // steps).clip(0, options.counts - 1)


def _read_places(data: bytes, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    if not (counts > 1).any():
        return np.zeros_like(counts)
    return unpack(data, counts.ravel()).reshape(counts.shape)


def _levels(options: Choices, places: NDArray[np.int64]) -> Pixels:
    return (options.first + places * options.step).astype(np.uint8)
