"""What rounding loses, stored in little more than its entropy.

Every blended sample has a short interval of host values that lead to it; the remainder is the host's place in
that interval. Places are packed as digits of mixed-radix integers, which costs log2 of the interval's length a
sample and nothing where the interval has one value. Where places are predictable a general compressor does
better, so both are tried.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

from miad.errors import InputError

_BLOCK = 1024
"""Samples in one big integer: within 1 % of the entropy, and the integers stay cheap."""
_WORD_BITS = 62
"""Of the word that several digits share."""
_RADIX, _DEFLATE = b"\x00", b"\x01"


def pack(places: NDArray[np.int64], counts: NDArray[np.int64]) -> bytes:
    """Encode each place within its interval.

    Args:
        places: int64 ``(n,)``, 0 <= places < counts.
        counts: int64 ``(n,)``, lengths of the intervals, 1..65536.
    """
    digits, radices = _varying(places, counts), counts[counts > 1]
    radix = _RADIX + b"".join(
        _pack_block(digits[i : i + _BLOCK], radices[i : i + _BLOCK]) for i in range(0, len(digits), _BLOCK)
    )
    deflate = _DEFLATE + zlib.compress(digits.astype(_digit_type(radices)).tobytes(), 9)
    return min(radix, deflate, key=len)


def unpack(data: bytes, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Inverse of `pack`.

    Raises:
        InputError: the data are damaged.
    """
    places = np.zeros(len(counts), dtype=np.int64)
    radices = counts[counts > 1]
    try:
        digits = _inflate(data[1:], radices) if data[:1] == _DEFLATE else _unpack_blocks(data[1:], radices)
    except (zlib.error, OverflowError) as error:
        raise InputError("a remainder in the key is damaged") from error
    if data[:1] not in (_RADIX, _DEFLATE) or len(digits) != len(radices) or (digits >= radices).any():
        raise InputError("a remainder in the key is damaged")
    places[counts > 1] = digits
    return places


def _varying(places: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    if ((places < 0) | (places >= counts)).any():
        raise ValueError("a place lies outside its interval")
    return places[counts > 1]


def _digit_type(radices: NDArray[np.int64]) -> str:
    return "<u2" if (radices > 256).any() else "|u1"


def _inflate(data: bytes, radices: NDArray[np.int64]) -> NDArray[np.int64]:
    stream, kind = zlib.decompressobj(), np.dtype(_digit_type(radices))
    # No more is unpacked than is needed, whatever a damaged key says.
    unpacked = stream.decompress(data, len(radices) * kind.itemsize + 1)
    whole = stream.eof and len(unpacked) == len(radices) * kind.itemsize
    return np.frombuffer(unpacked if whole else b"", dtype=kind).astype(np.int64)


def _word(radices: NDArray[np.int64]) -> int:
    """How many digits fit one word: seven of at most 256, three of at most 65536."""
    return _WORD_BITS // max(8, int(radices.max(initial=1) - 1).bit_length())


def _words(digits: NDArray[np.int64], radices: NDArray[np.int64]) -> tuple[list[int], list[int]]:
    """Join digits several at a time, so that Python's big integers see a part of them."""
    word = _word(radices)
    pad = -len(radices) % word
    radices = np.pad(radices, (0, pad), constant_values=1).reshape(-1, word)
    digits = np.pad(digits, (0, pad)).reshape(-1, word)
    values = np.zeros(len(digits), dtype=np.int64)
    for column in range(word):
        values = values * radices[:, column] + digits[:, column]
    return values.tolist(), radices.prod(axis=1).tolist()


def _pack_block(digits: NDArray[np.int64], radices: NDArray[np.int64]) -> bytes:
    number = 0
    for value, radix in zip(*_words(digits, radices), strict=True):
        number = number * radix + value
    return number.to_bytes(_block_bytes(radices), "big")


def _block_bytes(radices: NDArray[np.int64]) -> int:
    _, products = _words(np.zeros_like(radices), radices)
    largest = 1
    for product in products:
        largest *= product
    return ((largest - 1).bit_length() + 7) // 8


def _unpack_blocks(data: bytes, radices: NDArray[np.int64]) -> NDArray[np.int64]:
    blocks, start = [np.zeros(0, dtype=np.int64)], 0
    for index in range(0, len(radices), _BLOCK):
        part = radices[index : index + _BLOCK]
        end = start + _block_bytes(part)
        blocks.append(_unpack_block(int.from_bytes(data[start:end], "big"), part))
        start = end
    if start != len(data):
        raise OverflowError("expected no bytes after the last block")
    return np.concatenate(blocks)


def _unpack_block(number: int, radices: NDArray[np.int64]) -> NDArray[np.int64]:
    _, products = _words(np.zeros_like(radices), radices)
    values = []
    for product in reversed(products):
        number, value = divmod(number, product)
        values.append(value)
    if number:
        raise OverflowError("expected a smaller number")
    return _digits(np.array(values[::-1], dtype=np.int64), radices)


def _digits(values: NDArray[np.int64], radices: NDArray[np.int64]) -> NDArray[np.int64]:
    word = _word(radices)
    padded = np.pad(radices, (0, -len(radices) % word), constant_values=1).reshape(-1, word)
    digits = np.zeros_like(padded)
    for column in reversed(range(word)):
        values, digits[:, column] = np.divmod(values, padded[:, column])
    return digits.ravel()[: len(radices)]
