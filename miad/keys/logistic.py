"""How likely each value of an interval is, given what was expected there: a logistic distribution, in integers.

Keys depend on every one of these numbers: none may change.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from miad.keys.ans import TOTAL_BITS

Integers = NDArray[np.int64]

UNIT = 64
"""Of a level, in which expected values are given."""
SCALES = 32
"""From an eighth of a level, each a fourth root of two times the one before."""

_STEP = 64
"""Entries of the table for one scale."""
_REACH = 12
"""Scales to either side; what lies beyond is as likely as what lies there."""
_RATIO = 18160753814917686419
"""exp(-1 / 64), times two to the power of 64."""
_HEIGHT_BITS = 24
_FLOOR = 16
"""Added to each value of 2 ** 24, so that none is impossible."""
_QUARTERS = (65536, 55109, 46341, 38968)
"""2 ** 16 over the powers of a fourth root of two."""
_INVERSE_BITS = 12
_INVERSES = np.array([_QUARTERS[scale % 4] >> (1 + scale // 4) for scale in range(SCALES)], dtype=np.int64)


def slots(low: Integers, counts: Integers, expected: Integers, scales: Integers, places: Integers) -> Integers:
    """First slots of places within intervals, of 2 ** 14 slots; each place has one or more.

    Args:
        low: lowest values of the intervals, in levels.
        counts: their lengths, 1..256.
        expected: values, in 64ths of a level.
        scales: of the distributions, 0..31.
        places: 0..counts; the last is the end of the interval. All are broadcast.
    """
    first = _heights(low, 0, expected, scales)
    below = _heights(low, places, expected, scales) - first
    whole = _heights(low, counts, expected, scales) - first
    return places + below * ((1 << TOTAL_BITS) - counts) // whole


def _heights(low: Integers, places: Integers | int, expected: Integers, scales: Integers) -> Integers:
    """The distribution up to a place; half a level below each value is where it begins."""
    away = (low + places) * UNIT - UNIT // 2 - expected
    reach = _STEP * _REACH
    index = (away * _INVERSES[scales] >> _INVERSE_BITS).clip(-reach, reach) + reach
    heights: Integers = _table()[index] + _FLOOR * places
    return heights


@cache
def _table() -> Integers:
    """The logistic function from -12 to 12, times 2 ** 24."""
    one, power, falling = 1 << 64, 1 << 64, []
    for _ in range(_STEP * _REACH + 1):
        falling.append((power << _HEIGHT_BITS) // (one + power))
        power = power * _RATIO >> 64
    rising = [(1 << _HEIGHT_BITS) - height for height in falling[1:]]
    return np.array(falling[::-1] + rising, dtype=np.int64)
