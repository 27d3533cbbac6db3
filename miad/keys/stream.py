"""Bytes in little more than their entropy, by whichever compressor does best."""

import lzma
import zlib

from miad.errors import InputError

_RAW, _DEFLATE, _LZMA = 0, 1, 2
_FILTERS = [{"id": lzma.FILTER_LZMA1, "dict_size": 1 << 20, "lc": 0, "lp": 0, "pb": 0}]
"""Without a header. Best where values repeat, as those of blocks do."""


def pack_stream(data: bytes) -> bytes:
    """Compress; nothing for nothing."""
    if not data:
        return b""
    ranged = lzma.compress(data, lzma.FORMAT_RAW, filters=_FILTERS)
    packed = [(_RAW, data), (_DEFLATE, zlib.compress(data, 9)), (_DEFLATE, _huffman(data)), (_LZMA, ranged)]
    how, shortest = min(packed, key=lambda one: len(one[1]))
    return bytes([how]) + shortest


def _huffman(data: bytes) -> bytes:
    """Levels at random have nothing that repeats, and looking for it costs bytes."""
    coder = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_HUFFMAN_ONLY)
    return coder.compress(data) + coder.flush()


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
    except (zlib.error, lzma.LZMAError, EOFError) as error:
        raise InputError("a delta in the key is damaged") from error
    if len(values) != size:
        raise InputError("a delta in the key is damaged")
    return values


def _unpack(data: bytes, size: int) -> bytes:
    how, rest = data[0], data[1:]
    if how == _RAW:
        return rest
    if how not in (_DEFLATE, _LZMA):
        raise EOFError("packed in an unknown way")
    stream = zlib.decompressobj() if how == _DEFLATE else lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=_FILTERS)
    values = stream.decompress(rest, size + 1)
    if len(values) <= size and not stream.eof:
        raise EOFError("cut short, or longer than it should be")
    return values
