import colorsys
from functools import cache

import numpy as np
import pytest

from miad.errors import InputError
from miad.watermark.emblems import NAMES, draw_emblem

ASPECTS = {"emblem": 1.8, "wordmark": 3.0, "crest": 1.0}

every_logo = pytest.mark.parametrize("name", NAMES)
every_size = pytest.mark.parametrize("width", [48, 112, 512])


def drawn(name, width=512):
    return drawn_once(name, width)


@cache
def drawn_once(name, width):
    logo = draw_emblem(name, width)
    logo.setflags(write=False)
    return logo


def visible(logo):
    return logo[..., 3] >= 128


def mean_line_width(mask):
    """Twice the area over the perimeter, estimated (Crofton) from the steps along rows and columns."""
    steps = sum(np.count_nonzero(np.diff(np.pad(mask, 1).astype(int), axis=axis)) for axis in (0, 1))
    return 2 * np.count_nonzero(mask) / (np.pi / 4 * steps)


def ink_hues(logo, share):
    """Hues, in twelfths of the circle, of saturated colours that cover at least `share` of the logo."""
    inks = logo[visible(logo)][::7, :3] / 255
    colours = [colorsys.rgb_to_hsv(*ink) for ink in inks.tolist()]
    counts = np.bincount([int(hue * 12) % 12 for hue, saturation, _ in colours if saturation > 0.6])
    return set(np.flatnonzero(counts >= share * len(colours)).tolist())


def test_the_three_logos_are_named():
    assert NAMES == ("emblem", "wordmark", "crest")


@every_logo
def test_two_drawings_are_equal(name):
    np.testing.assert_array_equal(draw_emblem(name, 48), drawn(name, 48))


@every_logo
@every_size
def test_it_is_rgba_of_the_asked_width_and_its_own_aspect(name, width):
    logo = drawn(name, width)
    assert logo.dtype == np.uint8
    assert logo.shape[1:] == (width, 4)
    assert width / logo.shape[0] == pytest.approx(ASPECTS[name], rel=0.07)


@every_logo
@pytest.mark.parametrize("width", [48, 112])
def test_other_widths_keep_the_aspect_to_a_pixel(name, width):
    large = drawn(name)
    assert drawn(name, width).shape[0] == pytest.approx(width * large.shape[0] / large.shape[1], abs=0.7)


@every_logo
@every_size
def test_it_touches_all_four_sides(name, width):
    alpha = drawn(name, width)[..., 3]
    assert all(side.any() for side in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]))


@every_logo
def test_it_has_clear_opaque_and_soft_pixels(name):
    alpha = drawn(name)[..., 3]
    assert (alpha == 0).mean() > 0.2
    assert (alpha == 255).mean() > 0.05
    assert ((alpha > 0) & (alpha < 255)).any()


@every_size
def test_the_wordmark_has_one_colour_even_under_clear_pixels(width):
    colours = drawn("wordmark", width)[..., :3].reshape(-1, 3)
    assert len(np.unique(colours, axis=0)) == 1
    red, green, blue = colours[0].tolist()
    assert max(red, green) < blue < 200


def test_the_emblem_has_at_least_four_saturated_hues():
    assert len(ink_hues(drawn("emblem"), share=0.03)) >= 4


def test_the_white_edge_of_the_emblem_is_cut_on_no_side():
    logo = drawn("emblem")
    for side in (logo[0], logo[-1], logo[:, 0], logo[:, -1]):
        assert (side[:, :3] == 255).all()
        assert (side[:, 3] == 0).mean() > 0.6


@every_size
def test_the_emblem_keeps_its_white_edge_without_a_dark_fringe(width):
    logo = drawn("emblem", width)
    edge = logo[(logo[..., 3] > 0) & (logo[..., 3] < 100)]
    assert edge[:, :3].mean() > 220
    assert (logo[logo[..., 3] == 0][:, :3] == 255).all()


def test_every_crest_pixel_lies_between_its_two_inks():
    logo = drawn("crest").astype(float)
    colours = logo[logo[..., 3] > 0][:, :3]
    light, dark = np.array([255, 247, 222]), np.array([0, 104, 214])
    share = ((colours - dark) @ (light - dark)) / ((light - dark) @ (light - dark))
    off_line = colours - dark - share[:, None] * (light - dark)
    assert np.abs(off_line).max() < 1
    assert (share > 0.99).mean() > 0.2
    assert (share < 0.01).mean() > 0.1


def test_the_crest_is_made_of_thin_lines_and_gaps():
    mask = visible(drawn("crest"))
    assert 0.1 < mask.mean() < 0.3
    assert mean_line_width(mask) < 6
    assert mean_line_width(visible(drawn("wordmark"))) > 20


def test_the_line_width_measure_knows_a_bar():
    bar = np.zeros((200, 200), dtype=bool)
    bar[10:190, 50:54] = True
    assert mean_line_width(bar) == pytest.approx(4 * 4 / np.pi, rel=0.05)  # Crofton's mean is over directions


def test_an_unknown_name_is_refused_with_the_choices():
    with pytest.raises(InputError, match=r"^Unknown.*'shield'.*emblem, wordmark, crest\.$"):
        draw_emblem("shield")


@pytest.mark.parametrize("width", [0, -3])
def test_a_width_below_one_is_refused(width):
    with pytest.raises(InputError, match="at least 1 pixel"):
        draw_emblem("emblem", width)


def test_a_single_pixel_is_still_a_picture():
    assert draw_emblem("wordmark", 1).shape == (1, 1, 4)
