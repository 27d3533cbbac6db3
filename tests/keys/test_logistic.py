import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from miad.keys.ans import TOTAL_BITS
from miad.keys.logistic import SCALES, UNIT, slots


def shares(low, count, expected, scale):
    """Of the places of one interval."""
    edges = slots(*(np.array([value]) for value in (low, count, expected, scale)), np.arange(count + 1))
    assert edges[0] == 0
    assert edges[-1] == 1 << TOTAL_BITS
    return np.diff(edges) / (1 << TOTAL_BITS)


@given(
    st.integers(-(1 << 16), 1 << 16),
    st.integers(1, 256),
    st.integers(-(1 << 34), 1 << 34),
    st.integers(0, SCALES - 1),
)
def test_each_place_has_a_share(low, count, expected, scale):
    assert (shares(low, count, expected, scale) > 0).all()


@given(st.integers(2, 12), st.floats(-6, 18), st.integers(0, 16))
def test_shares_are_those_of_a_logistic_distribution(count, at, scale):
    width = 2.0 ** (scale / 4 - 3)
    edges = 1 / (1 + np.exp(-(np.arange(count + 1) - 0.5 - round(at * UNIT) / UNIT) / width).clip(0, 1e9))
    found, heights = shares(0, count, round(at * UNIT), scale), np.diff(edges) + 16 / 2**24
    if edges[-1] - edges[0] > 0.01:
        assert np.allclose(found, heights / heights.sum(), atol=0.02)


def test_keys_of_today_are_read_for_ever():
    """The numbers that decoding depends on; no other digest may stand here."""
    grid = np.arange(-400, 400, 7)[:, None, None]
    table = slots(np.array(3), np.array(9), grid, np.arange(SCALES)[:, None], np.arange(10))
    assert hashlib.sha256(table.astype("<i8").tobytes()).hexdigest() == DIGEST


DIGEST = "e9c054f522b64e44ace682f702d8f24b3c2d902b827f326dd6563c4d04c781b5"
