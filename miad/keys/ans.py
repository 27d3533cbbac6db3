"""Symbols in as many bits as their probabilities say, by asymmetric numeral systems (J. Duda, arXiv:1311.2540).

Several coders, the lanes, take turns, so that numpy codes one symbol of each at once. All is in integers.
"""

from collections.abc import Sequence
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from miad.errors import InputError

Integers = NDArray[np.int64]

TOTAL_BITS = 14
"""The frequencies of a symbol's alternatives sum to two to this power."""
_WORD_BITS = 16
_LEAST = 1 << _WORD_BITS
"""A lane's state is at least this, and under two to the power of 32; coding starts with it."""
_STEPS_PER_LANE = 4


def encode(symbols: Sequence[tuple[Integers, Integers]]) -> bytes:
    """Code groups of symbols, which `Decoder.take` gives back in the same order.

    Args:
        symbols: of each group the first of the slots of each symbol, and how many slots it has (its frequency, 1 or
            more); of 2 ** TOTAL_BITS slots.
    """
    lanes = _lanes(sum(len(starts) for starts, _ in symbols))
    states, words = np.full(lanes, _LEAST, dtype=np.int64), [np.zeros(0, dtype=np.int64)]
    for starts, frequencies in reversed(symbols):
        for first in reversed(range(0, len(starts), lanes)):
            part = slice(first, first + lanes)
            words.append(_push(states, starts[part], frequencies[part]))
    return states.astype("<u4").tobytes() + np.concatenate(words[::-1]).astype("<u2").tobytes()


class Decoder:
    """Reads what `encode` wrote.

    Args:
        data: all of it.
        count: number of symbols in it.

    Raises:
        InputError: the data are damaged.
    """

    def __init__(self, data: bytes, count: int) -> None:
        size = 4 * _lanes(count)
        if len(data) < size or len(data) % 2:
            raise InputError("a remainder in the key is damaged")
        self._states = np.frombuffer(data[:size], dtype="<u4").astype(np.int64)
        self._words = np.frombuffer(data[size:], dtype="<u2").astype(np.int64)
        self._read = 0

    def take(self, slots: Integers) -> Integers:
        """The next symbols, ``(n,)``.

        Args:
            slots: ``(n, alternatives + 1)``, the first slot of each alternative of each symbol, and 2 ** TOTAL_BITS
                behind the last, which is never taken.

        Raises:
            InputError: the data are damaged.
        """
        lanes, width = len(self._states), slots.shape[1]
        rows = np.arange(len(slots))
        # Row after row, all slots ascend, so that one search finds the symbols of all lanes.
        edges, above = (slots + (rows[:, None] << TOTAL_BITS)).ravel(), rows << TOTAL_BITS
        found = [np.zeros(0, dtype=np.int64)]
        for first in range(0, len(slots), lanes):
            found.append(self._pop(edges[first * width : (first + lanes) * width], above[first : first + lanes]))
            found[-1] += first * width
        symbols: Integers = np.concatenate(found) - rows * width
        return symbols

    def finish(self) -> None:
        """All was read.

        Raises:
            InputError: it was not, so that the data are damaged.
        """
        if self._read != len(self._words) or (self._states != _LEAST).any():
            raise InputError("a remainder in the key is damaged")

    def _pop(self, edges: Integers, above: Integers) -> Integers:
        """A symbol of each of the first lanes, as the index of its edge."""
        states = self._states[: len(above)]
        targets = (states & ((1 << TOTAL_BITS) - 1)) + above
        found: Integers = edges.searchsorted(targets, "right") - 1
        starts = edges[found]
        states >>= TOTAL_BITS
        states *= edges[found + 1] - starts
        states += targets - starts
        (low,) = (states < _LEAST).nonzero()
        words = self._words[self._read : self._read + len(low)]
        if len(words) < len(low):
            raise InputError("a remainder in the key is damaged")
        states[low] = states[low] << _WORD_BITS | words
        self._read += len(low)
        return found


def _lanes(count: int) -> int:
    """Each costs two bytes, and saves time."""
    return 1 + isqrt(count) // _STEPS_PER_LANE


def _push(states: Integers, starts: Integers, frequencies: Integers) -> Integers:
    """Code a symbol in each of the first lanes; returns the words that this drives out."""
    states = states[: len(starts)]
    full = states >= frequencies << (2 * _WORD_BITS - TOTAL_BITS)
    words = states[full] & (_LEAST - 1)
    states[full] >>= _WORD_BITS
    whole, rest = np.divmod(states, frequencies)
    states[:] = (whole << TOTAL_BITS) + rest + starts
    return words
