"""Deltas on and off again."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miad.errors import InputError
from miad.keys import add_delta
from miad.keys.delta import pack_delta, subtract_delta


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_what_is_taken_off_can_be_added_again(seed, grey):
    generator = np.random.default_rng(seed)
    original, host = generator.integers(0, 256, (2, 5, 4) if grey else (2, 5, 4, 3), dtype=np.uint8)
    packed = pack_delta(original, host)
    assert np.array_equal(add_delta(original, packed), host)
    assert np.array_equal(subtract_delta(host, packed), original)


def test_without_a_delta_nothing_is_added():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert pack_delta(image, image) == b""
    assert np.array_equal(add_delta(image, b""), image)


def test_another_images_delta_is_refused():
    packed = pack_delta(np.zeros((3, 4), np.uint8), np.ones((3, 4), np.uint8))
    with pytest.raises(InputError, match="damaged"):
        add_delta(np.zeros((3, 5), np.uint8), packed)
