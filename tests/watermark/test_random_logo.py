"""Logos of chance are the same for the same seed, always visible, and loaded by name beside all others."""

from functools import cache

import numpy as np
import pytest
from PIL import Image

from miad.errors import InputError
from miad.watermark import NAMES, draw_emblem, load_logo, load_logos
from miad.watermark.random_logo import draw_random_logo


@cache
def drawn(seed, width=64):
    logo = draw_random_logo(np.random.default_rng(seed), width)
    logo.setflags(write=False)
    return logo


def equal(first, second):
    return first.shape == second.shape and bool((first == second).all())


@pytest.fixture
def disc_file(tmp_path):
    """A picture of a red disc with clear surroundings."""
    y, x = np.mgrid[:20, :30]
    inside = (x - 15) ** 2 + (y - 10) ** 2 < 50
    pixels = np.where(inside[..., None], (200, 10, 20, 255), (0, 0, 0, 0)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "disc.png")
    return tmp_path / "disc.png"


@pytest.mark.parametrize("seed", range(10))
def test_the_same_seed_draws_the_same_logo(seed):
    np.testing.assert_array_equal(draw_random_logo(np.random.default_rng(seed), 64), drawn(seed))


def test_no_two_seeds_draw_the_same_logo():
    assert len({drawn(seed).tobytes() for seed in range(200)}) == 200


def test_one_generator_draws_one_logo_after_another():
    generator = np.random.default_rng(0)
    first, second = (draw_random_logo(generator, 64) for _ in range(2))
    assert equal(first, drawn(0))
    assert not equal(first, second)


@pytest.mark.parametrize(("width", "options"), [(192, {}), (48, {"width": 48}), (1, {"width": 1})])
def test_it_is_rgba_of_the_asked_width(width, options):
    for seed in range(5):
        logo = draw_random_logo(np.random.default_rng(seed), **options)
        assert logo.dtype == np.uint8
        assert logo.shape[1:] == (width, 4)
        assert logo.shape[0] >= 1


def test_other_widths_keep_the_aspect_to_a_pixel():
    for seed in range(10):
        large, small = drawn(seed, 192), drawn(seed)
        assert small.shape[0] == pytest.approx(large.shape[0] * 64 / 192, abs=1.5)


def test_something_is_always_visible_and_mostly_not_everything():
    shares = np.array([(drawn(seed)[..., 3] >= 128).mean() for seed in range(200)])
    assert shares.min() > 0.02
    assert 0.3 < np.median(shares) < 0.9


def test_logos_are_of_many_forms_and_colours():
    aspects = [drawn(seed).shape[0] / 64 for seed in range(200)]
    assert np.ptp(aspects) > 0.5
    colours = [np.median(logo[logo[..., 3] >= 128][:, :3], axis=0) for logo in map(drawn, range(200))]
    assert np.std(colours, axis=0).min() > 50


def test_logos_are_loaded_by_name_by_path_and_by_number(disc_file):
    logos = load_logos(f"wordmark,{disc_file},random:2,emblem")
    assert [logo.name for logo in logos] == ["wordmark", "disc", "random0", "random1", "emblem"]
    for logo, source in ((logos[0], "wordmark"), (logos[1], str(disc_file)), (logos[4], "emblem")):
        np.testing.assert_array_equal(logo.rgba, load_logo(source).rgba)
    assert (logos[1].rgba[..., :3][logos[1].rgba[..., 3] > 0] == (200, 10, 20)).all()
    assert equal(logos[4].rgba[..., :3], draw_emblem("emblem")[..., :3])


@pytest.mark.parametrize("name", NAMES)
def test_one_name_is_one_logo(name):
    (logo,) = load_logos(name)
    assert logo.name == name


def test_fewer_random_logos_are_the_first_of_more():
    some, more, again = (load_logos(f"random:{count}") for count in (4, 5, 5))
    assert [logo.name for logo in more] == [f"random{number}" for number in range(5)]
    assert all(equal(one.rgba, other.rgba) for one, other in zip(some, more[:4], strict=True))
    assert all(equal(one.rgba, other.rgba) for one, other in zip(again, more, strict=True))
    assert len({logo.rgba.tobytes() for logo in more}) == 5
    assert all(logo.rgba.shape[1] == 192 for logo in more)


def test_loading_random_logos_neither_reads_nor_moves_the_global_generators():
    np.random.seed(1)  # noqa: NPY002  (the global generator is what this is about)
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    first = load_logos("random:1")[0].rgba
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
    np.random.seed(2)  # noqa: NPY002
    assert equal(load_logos("random:1")[0].rgba, first)


@pytest.mark.parametrize("words", [" emblem ,crest", "emblem,,crest,", "\temblem , , crest\n"])
def test_blanks_and_empty_words_are_passed_over(words):
    assert [logo.name for logo in load_logos(words)] == ["emblem", "crest"]


@pytest.mark.parametrize("words", ["", " ", ",", " , ,"])
def test_no_logo_at_all_is_refused(words):
    with pytest.raises(InputError, match=r"\Aexpected one or more logos, separated by commas, found none\Z"):
        load_logos(words)


@pytest.mark.parametrize(
    "word", ["random:0", "random:x", "random:", "random", "random:-1", "random:1.5", "random:2:3", "random:²"]
)
def test_a_wrong_number_of_random_logos_is_refused(word):
    with pytest.raises(InputError, match=rf"\Aexpected random:N with N logos to draw, found '{word}'\Z"):
        load_logos(f"emblem,{word}")


@pytest.mark.parametrize("word", ["shield", "Random:3", "Emblem"])
def test_an_unknown_logo_is_refused_with_the_choices(word):
    words = rf"\Aexpected a logo file or one of emblem, wordmark, crest, found no '{word}'\Z"
    with pytest.raises(InputError, match=words):
        load_logos(f"crest,{word}")


def test_a_file_that_is_no_picture_is_refused_in_one_line(tmp_path):
    (tmp_path / "notes.png").write_text("no picture")
    with pytest.raises(InputError, match=r"\A\S*notes\.png: expected a picture for a logo \(.*\); give a PNG\Z"):
        load_logos(f"random:1,{tmp_path / 'notes.png'}")
