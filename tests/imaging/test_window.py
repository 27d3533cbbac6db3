"""Stored levels as they are seen, and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miad.imaging import Window
from miad.imaging.window import IDENTITY, extremes

levels = st.integers(-32768, 32767)
windows = st.tuples(levels, levels).filter(lambda ends: ends[0] != ends[1])


def test_eight_bits_are_seen_as_they_are():
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(IDENTITY.view(pixels), pixels)
    assert np.array_equal(Window(255, 0).view(pixels), 255 - pixels)


@given(levels, windows)
def test_the_view_is_the_nearest_of_256_levels_between_black_and_white(level, ends):
    black, white = ends
    seen = int(Window(black, white).view(np.array([[level]], np.int16))[0, 0])
    place = (level - black) / (white - black)
    assert abs(seen - 255 * min(max(place, 0), 1)) <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("window", "limits", "ends"),
    [
        (Window(-160.4, 239.6), (-1024, 3071), (-160, 240)),
        (Window(-5000, 5000), (0, 4095), (0, 4095)),
        (Window(4095, 0), (0, 4095), (4095, 0)),
    ],
)
def test_black_and_white_are_levels_that_the_file_can_store(window, limits, ends):
    assert window.ends(limits) == ends


@pytest.mark.parametrize("level", [0, 7, 65535])
def test_an_even_image_has_a_window_with_a_width(level):
    pixels = np.full((4, 4), level, np.uint16)
    window = extremes(pixels)
    assert window.black < window.white
    assert window.black >= 0
    assert window.white <= 65535
    assert np.unique(window.view(pixels)).size == 1


def test_without_a_window_the_darkest_and_the_brightest_pixel_are_black_and_white():
    pixels = np.array([[300, 4000, 1000]], np.uint16)
    assert extremes(pixels).view(pixels).tolist() == [[0, 255, 48]]
