import colorsys

import numpy as np
import pytest
from PIL import Image

from miad.errors import InputError
from miad.watermark import PLAIN, Variant, fit, load_logo, render

IMAGE = (224, 224)


@pytest.mark.parametrize(("scale", "expected"), [(1, (124, 224)), (2, (62, 112)), (4, (31, 56))])
def test_equation_5_gives_the_sizes_of_the_papers_example(scale, expected):
    assert fit((245, 441), IMAGE, scale) == expected


def test_equation_5_is_exact_where_floats_are_not():
    assert fit((100, 100), (29, 29), 1) == (29, 29)
    assert fit((49, 49), (49, 98), 1.0) == (49, 49)


def test_a_scale_below_one_is_refused():
    with pytest.raises(InputError, match=r"\Aexpected scale of at least 1, found [^-\n]*; [^-\n]*give a larger one\Z"):
        fit((245, 441), IMAGE, 0.5)


def test_an_image_too_small_for_the_logo_is_refused():
    with pytest.raises(InputError, match="too small"):
        fit((245, 441), (8, 8), 2)


def test_a_rotated_logo_still_fits_by_equation_5():
    rendering = render(load_logo("wordmark"), Variant(angle=30), IMAGE, 2, grey=False)
    assert max(rendering.coverage.shape) == 112


def test_grey_renderings_have_three_equal_channels():
    rgb = render(load_logo("emblem"), Variant(hue=0.3), IMAGE, 2, grey=True).rgb
    assert (rgb[..., 0] == rgb[..., 1]).all()
    assert (rgb[..., 0] == rgb[..., 2]).all()


def test_hue_turns_the_ink_on_the_colour_circle():
    plain = render(load_logo("wordmark"), PLAIN, IMAGE, 2, grey=False)
    turned = render(load_logo("wordmark"), Variant(hue=0.5), IMAGE, 2, grey=False)
    inside = plain.coverage > 0
    before, after = (colorsys.rgb_to_hsv(*np.median(r.rgb[inside], axis=0) / 255) for r in (plain, turned))
    assert (after[0] - before[0]) % 1 == pytest.approx(0.5, abs=0.02)
    assert after[1:] == pytest.approx(before[1:], abs=0.03)


def test_value_scales_brightness():
    logo = load_logo("emblem")
    plain, dark = (render(logo, Variant(value=v), IMAGE, 2, grey=False).rgb.max(axis=2) for v in (1.0, 0.7))
    assert dark.astype(float).mean() == pytest.approx(0.7 * plain.mean(), rel=0.02)


def test_binary_edges_are_hard_and_soft_edges_are_not():
    hard = render(load_logo("emblem"), PLAIN, IMAGE, 2, grey=False).coverage
    soft = render(load_logo("emblem"), PLAIN, IMAGE, 2, grey=False, mode="soft").coverage
    assert set(np.unique(hard)) == {0, 255}
    assert len(np.unique(soft)) > 20


def test_edges_have_no_dark_fringe():
    rendering = render(load_logo("wordmark"), Variant(angle=20), IMAGE, 2, grey=False)
    ink = load_logo("wordmark").rgba[..., :3].reshape(-1, 3)[0].astype(int)
    seen = rendering.rgb[rendering.coverage > 0].astype(int)
    # Colours mixed with a black background at half coverage would be off by half of the ink's blue, 89 levels.
    assert np.abs(seen - ink).max() <= 40
    assert np.abs(seen - ink).mean() <= 4


def test_a_flat_background_is_keyed_out_of_a_logo_without_alpha(tmp_path):
    picture = np.full((20, 30, 3), 255, np.uint8)
    picture[5:15, 10:20] = (200, 0, 0)
    Image.fromarray(picture).save(tmp_path / "logo.png")
    rgba = load_logo(str(tmp_path / "logo.png")).rgba
    assert rgba.shape == (10, 10, 4)
    assert (rgba == (200, 0, 0, 255)).all()


def test_black_parts_of_a_logo_are_kept(tmp_path):
    picture = np.zeros((10, 10, 4), np.uint8)
    picture[2:8, 2:8, 3] = 255
    Image.fromarray(picture).save(tmp_path / "logo.png")
    assert render(load_logo(str(tmp_path / "logo.png")), PLAIN, (64, 64), 2, grey=False).coverage.all()


def test_a_logo_without_a_visible_pixel_is_refused(tmp_path):
    Image.fromarray(np.zeros((10, 10, 4), np.uint8)).save(tmp_path / "logo.png")
    with pytest.raises(InputError, match="visible"):
        load_logo(str(tmp_path / "logo.png"))


def test_an_unknown_logo_is_answered_with_the_choices():
    with pytest.raises(InputError, match="emblem, wordmark, crest"):
        load_logo("emblm")
