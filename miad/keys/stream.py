"""Bytes in little more than their entropy, by whichever of a few ways does best; all of them are fast.

Stronger compressors save a few per cent and take seconds an image on levels at random, where there is nothing to find.
"""

import zlib

import numpy as np

from miad.errors import InputError

_RAW, _DEFLATE, _BITS = 0, 1, 2
_LEVEL = 6


def pack_stream(data: bytes) -> bytes:
    """Compress; nothing for nothing."""
    if not data:
        return b""
    packed = [(_RAW, data), (_DEFLATE, zlib.compress(data, _LEVEL)), (_DEFLATE, _huffman(data)), (_BITS, _bits(data))]
    how, shortest = min(((how, one) for how, one in packed if one), key=lambda pair: len(pair[1]))
    return bytes([how]) + shortest


def unpack_stream(data: bytes, size: int) -> bytes:
    """Inverse of `pack_stream`.

    Args:
        data: compressed.
        size: of the result. No more is unpacked, whatever a damaged key says.

    Raises:
        InputError: the data are damaged.
    """
    try:
        values = _unpack(data, size) if data else b""
    except (zlib.error, EOFError) as error:
        raise InputError("a delta in the key is damaged") from error
    if len(values) != size:
        raise InputError("a delta in the key is damaged")
    return values


def _huffman(data: bytes) -> bytes:
    """Levels at random have nothing that repeats, and looking for it costs bytes."""
    coder = zlib.compressobj(_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_HUFFMAN_ONLY)
    return coder.compress(data) + coder.flush()


def _bits(data: bytes) -> bytes:
    """The two values that there are, and a bit for each; nothing where there are others."""
    values = np.frombuffer(data, dtype=np.uint8)
    low, high = values.min(), values.max()
    if ((values != low) & (values != high)).any():
        return b""
    return bytes([low, high]) + np.packbits(values == high).tobytes()


def _unpack(data: bytes, size: int) -> bytes:
    how, rest = data[0], data[1:]
    if how == _RAW:
        return rest
    if how == _BITS:
        return _unpack_bits(rest, size)
    if how != _DEFLATE:
        raise EOFError("packed in an unknown way")
    stream = zlib.decompressobj()
    values = stream.decompress(rest, size + 1)
    if len(values) <= size and not stream.eof:
        raise EOFError("cut short, or longer than it should be")
    return values


def _unpack_bits(data: bytes, size: int) -> bytes:
    if len(data) != 2 + -(-size // 8):
        raise EOFError("another number of bits")
    bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8, offset=2), count=size)
    return np.where(bits == 1, np.uint8(data[1]), np.uint8(data[0])).tobytes()
