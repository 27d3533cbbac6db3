"""Adversaries who know that there is a texture: what it costs them, and that the filter of least error is one."""

import numpy as np
import pytest
import torch

from miad.data.phantom.images import draw_phantom
from miad.evaluation.adversaries import Inpaint, KnownLogo, KnownTexture, Recipe, VisibleMark, adversary, find_recipe
from miad.evaluation.adversaries.textured import DENOISERS
from miad.evaluation.adversaries.wiener import Evidence, covariance, most_likely, typical_step
from miad.imaging import from_tensor, to_tensor
from miad.measures import psnr
from miad.watermark import (
    NO_TEXTURE,
    PLAIN,
    Logo,
    Placement,
    TextureOptions,
    blend,
    draw_emblem,
    keyed_texture,
    render,
    stack,
)
from miad.watermark.texture_field import FULL, draw_fields

LOGO = Logo("emblem", draw_emblem("emblem", 256))
STRONG = TextureOptions(64, 0, 16)


def make_case(options, kind="fundus", alpha=140, corner=(20, 30)):
    """An image, and the same marked with a texture."""
    host = draw_phantom(kind, 128, 0, 1).pixels
    grey = host.ndim == 2
    plain = render(LOGO, PLAIN, host.shape[:2], 2.0, grey=grey)
    worn = keyed_texture(options, b"s", "id", grey=grey).on(plain) if options.enabled else plain
    placement = Placement.from_rows(torch.tensor([[*corner, alpha, 0]]))
    marked = from_tensor(blend(to_tensor(host)[None], placement, stack([worn]))[0], grey=grey)
    mark = VisibleMark.of(LOGO, plain.coverage, corner, host.shape[:2], "binary", options)
    return host, marked, mark


def score(cleaned, host, mark):
    assert cleaned.dtype == np.uint8
    assert (cleaned[~mark.mask] == host[~mark.mask]).all()
    return psnr(cleaned[mark.mask], host[mark.mask])


@pytest.mark.parametrize("kind", ["brain", "fundus"])
def test_a_texture_costs_whoever_knows_the_logo_most_of_what_is_under_it(kind):
    bare, dressed = make_case(NO_TEXTURE, kind), make_case(STRONG, kind)
    assert score(KnownLogo()(*bare[1:]), bare[0], bare[2]) > 35
    assert score(KnownLogo()(*dressed[1:]), dressed[0], dressed[2]) < 25


@pytest.mark.parametrize("name", sorted(DENOISERS))
def test_denoising_gives_back_a_part_of_it(name):
    host, marked, mark = make_case(STRONG)
    cleaned = KnownTexture(name).undo(marked, mark, Recipe(140, PLAIN))
    inverted = score(KnownTexture("mean").undo(marked, mark, Recipe(140, PLAIN)), host, mark)
    found = score(cleaned, host, mark)
    assert found == inverted if name == "mean" else found > inverted + 1
    assert found < 37
    assert adversary(f"known_logo_{name}") == KnownTexture(name)


def test_of_strong_marks_the_filter_that_knows_the_spectrum_leaves_more_than_inverting_and_no_less_than_inpainting():
    for alpha in (140, 220):
        host, marked, mark = make_case(STRONG, "brain", alpha)
        found = score(KnownTexture("wiener").undo(marked, mark, Recipe(alpha, PLAIN)), host, mark)
        assert found > score(KnownTexture("mean").undo(marked, mark, Recipe(alpha, PLAIN)), host, mark)
        assert found > score(Inpaint("telea", 0)(marked, mark), host, mark) - 1


def test_the_mean_logo_is_found_under_its_texture():
    options = TextureOptions(48, 32, 16)
    host, marked, mark = make_case(options, alpha=160)
    recipe = find_recipe(marked, mark)
    assert recipe.variant.angle == pytest.approx(0, abs=0.1)
    assert recipe.alpha == pytest.approx(160, abs=16)
    assert score(KnownTexture()(marked, mark), host, mark) > score(KnownLogo()(marked, mark), host, mark)


def test_without_a_texture_it_is_the_known_logo():
    host, marked, mark = make_case(NO_TEXTURE)
    assert score(KnownTexture("mean")(marked, mark), host, mark) == score(KnownLogo()(marked, mark), host, mark)


def test_the_covariance_is_that_of_other_textures():
    """Products of pixels at some lags, counted one by one, in textures that it was not estimated from."""
    lags, reach = covariance(4), 8
    assert lags.shape == (17, 17)
    assert np.allclose(lags, lags[::-1, ::-1])
    fields = np.concatenate([draw_fields(b"other %d" % n, 128, 128, 4) for n in range(4)]) / FULL
    for down, across in ((0, 0), (0, 1), (2, 1), (5, 0), (8, 8)):
        products = fields[:, : 128 - down, : 128 - across] * fields[:, down:, across:]
        assert lags[reach + down, reach + across] == pytest.approx(products.mean(), abs=0.015)


def test_the_estimate_is_the_one_of_least_error():
    """Kriging by dense matrices: a Gaussian image tied to its surroundings, under noise of the texture's covariance."""
    generator = np.random.default_rng(3)
    height, width, grain = 12, 11, 2
    plane = generator.normal(100, 9, (height, width)).cumsum(1) / 6
    inside = np.zeros((height, width), bool)
    inside[3:9, 2:9] = True
    shade, fade = generator.uniform(5, 30, (2, height, width, 1))
    ink, guess = generator.uniform(0, 255, (2, height, width, 1))
    found = most_likely(Evidence(plane[..., None], guess, inside, ink, shade, fade, grain))[..., 0]

    places = np.argwhere(inside)
    gains = [shade[..., 0], (fade * (ink - guess))[..., 0]]
    step = typical_step(plane, inside, gains, grain)
    number = {tuple(place): index for index, place in enumerate(places)}
    precision, pull = np.zeros((len(places),) * 2), np.zeros(len(places))
    for a, b in pairs(height, width):
        for one, other in ((a, b), (b, a)):
            if one in number:
                precision[number[one], number[one]] += 1 / step
                if other in number:
                    precision[number[one], number[other]] -= 1 / step
                else:
                    pull[number[one]] += plane[other] / step
    prior, expected = np.linalg.inv(precision), np.linalg.solve(precision, pull)
    lags, noise = covariance(grain), np.eye(len(places))
    for i, j in np.ndindex(*noise.shape):
        lag = places[i] - places[j] + 2 * grain
        if (lag >= 0).all() and (lag <= 4 * grain).all():
            noise[i, j] += sum(gain[inside][i] * gain[inside][j] for gain in gains) * lags[tuple(lag)]
    best = expected + prior @ np.linalg.solve(prior + noise, plane[inside] - expected)
    assert np.array_equal(found[~inside], plane[~inside])
    assert np.abs(found[inside] - best).max() < 0.3
    assert np.abs(plane[inside] - best).max() > 3


def test_the_typical_step_is_found_under_a_texture():
    """Of a picture that is rough under the mark and flat around it."""
    generator = np.random.default_rng(4)
    inside = np.zeros((90, 90), bool)
    inside[10:80, 10:80] = True
    rough = np.where(inside, generator.normal(100, 20, inside.shape), 100.0)
    gains = [np.full(inside.shape, 30.0), np.zeros(inside.shape)]
    for grain in (1, 8):
        textured = rough + 30 * inside * draw_fields(b"x", 90, 90, grain)[0] / FULL
        assert typical_step(textured, inside, gains, grain) == pytest.approx(2 * 20**2, rel=0.15)
        assert typical_step(np.full(inside.shape, 9.0), inside, gains, grain) == 1.0
    assert typical_step(rough.T, ~inside, gains, 8) == pytest.approx(2 * 20**2, rel=0.15)


def pairs(height, width):
    for y, x in np.ndindex(height, width):
        if x + 1 < width:
            yield (y, x), (y, x + 1)
        if y + 1 < height:
            yield (y, x), (y + 1, x)
