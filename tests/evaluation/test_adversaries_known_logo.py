"""The adversary who knows the logo, on marks that the package's own compositor made."""

from dataclasses import replace
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
import torch

from miad.data.phantom.images import draw_phantom
from miad.evaluation.adversaries import Inpaint, KnownLogo, Recipe, VisibleMark, find_recipe
from miad.evaluation.adversaries.angle import fit_angle, polish_angle
from miad.evaluation.adversaries.colour import fit_colour
from miad.evaluation.adversaries.ink import paint, recolour, turn
from miad.evaluation.adversaries.inpaint import inpaint
from miad.evaluation.adversaries.inversion import invert
from miad.evaluation.adversaries.seams import find_seams
from miad.imaging import from_tensor, is_grey, to_tensor
from miad.lesions import Box
from miad.measures import psnr
from miad.tensors import Pixels
from miad.watermark import (
    NAMES,
    PLAIN,
    Logo,
    Placement,
    Rendering,
    Variant,
    alpha_map,
    blend,
    draw_emblem,
    draw_variants,
    make_atlas,
    preimages,
    render,
)

SIZE = 128
LOGOS = {name: Logo(name, draw_emblem(name, 256)) for name in NAMES}
TURNED = Variant(angle=-17.3, hue=0.21, saturation=0.85, value=1.12)


class Case(NamedTuple):
    host: Pixels
    marked: Pixels
    mark: VisibleMark
    drawn: Rendering

    @property
    def inside(self):
        return self.mark.mask


def make_mark(host, logo, alpha, variant=PLAIN, mode="binary", corner=(20, 30), scale=2.0):
    """A host marked by the package itself, and what shows of it."""
    atlas = make_atlas(logo, [variant], host.shape[:2], scale, grey=is_grey(host), mode=mode)
    placement = Placement(*(torch.tensor([value]) for value in (*corner, alpha, 0)))
    marked = from_tensor(blend(to_tensor(host)[None], placement, atlas)[0], grey=is_grey(host))
    drawn = atlas.rendering(0)
    return Case(host, marked, VisibleMark.of(logo, drawn.coverage, corner, host.shape[:2], mode), drawn)


@cache
def make_case(kind="fundus", name="emblem", alpha=160, variant=PLAIN, mode="binary"):
    return make_mark(draw_phantom(kind, SIZE, 0, 1).pixels, LOGOS[name], alpha, variant, mode)


@cache
def attack(*case):
    chosen = make_case(*case)
    return find_recipe(chosen.marked, chosen.mark), KnownLogo()(chosen.marked, chosen.mark)


ATTACKED = [
    ("fundus", "emblem", 100, PLAIN, "binary"),
    ("fundus", "emblem", 220, PLAIN, "binary"),
    ("brain", "emblem", 160, PLAIN, "binary"),
    ("brain", "crest", 220, PLAIN, "soft"),
    ("fundus", "emblem", 160, TURNED, "binary"),
    ("fundus", "wordmark", 140, TURNED, "soft"),
    ("brain", "crest", 100, TURNED, "binary"),
]


@pytest.mark.parametrize("case", ATTACKED, ids=lambda case: "-".join(map(str, (*case[:3], case[4]))))
def test_the_mark_comes_off(case):
    (host, marked, mark, _), (recipe, cleaned) = make_case(*case), attack(*case)
    assert recipe.variant.angle == pytest.approx(case[3].angle, abs=0.05)
    assert recipe.alpha == pytest.approx(case[2], rel=0.1)
    assert psnr(marked[mark.mask], host[mark.mask]) < 27
    assert psnr(cleaned[mark.mask], host[mark.mask]) > 35


@pytest.mark.parametrize("case", ATTACKED[:3], ids=["weak", "strong", "grey"])
def test_of_a_plain_emblem_the_recipe_is_told_exactly(case):
    alpha, variant = attack(*case)[0]
    assert alpha == pytest.approx(case[2], abs=2)
    assert variant.angle == pytest.approx(0, abs=0.01)
    assert (variant.saturation, variant.value) == pytest.approx((1, 1), abs=0.02)
    assert variant.hue == pytest.approx(0, abs=1 / 128)


@pytest.mark.parametrize("case", ATTACKED, ids=lambda case: "-".join(map(str, (*case[:3], case[4]))))
def test_nothing_changes_outside_the_mask(case):
    (host, _, mark, _), (_, cleaned) = make_case(*case), attack(*case)
    assert (cleaned[~mark.mask] == host[~mark.mask]).all()


def test_a_mark_at_the_image_corner_comes_off():
    host = draw_phantom("fundus", 96, 0, 2).pixels
    case = make_mark(host, LOGOS["emblem"], 150, corner=(0, 0))
    assert psnr(KnownLogo()(case.marked, case.mark)[case.inside], host[case.inside]) > 35


@pytest.mark.parametrize("shape", [(48, 40), (48, 40, 3)], ids=["grey", "colour"])
def test_a_smooth_picture_comes_back_to_its_rounding(shape):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    ramp = 60 + 2.3 * rows + 1.7 * columns
    host = (ramp if len(shape) == 2 else ramp[..., None] * (1, 0.8, 0.6)).astype(np.uint8)
    case = make_mark(host, LOGOS["emblem"], 170, corner=(5, 7), scale=1.3)
    recipe = find_recipe(case.marked, case.mark)
    assert recipe.alpha == pytest.approx(170, abs=1)
    cleaned = KnownLogo()(case.marked, case.mark)
    assert np.abs(cleaned.astype(int) - host).max() <= 3


@pytest.mark.parametrize("shape", [(9, 12), (9, 12, 3), (4, 6, 3)])
def test_tiny_marks_do_not_break_it(shape):
    host = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    logo = Logo("block", np.random.default_rng(1).integers(128, 256, (5, 6, 4), dtype=np.uint8))
    mark = make_mark(host, logo, 120, corner=(1, 0), scale=max(1, shape[0] / 4.9)).mark
    assert max(mark.size) <= 5
    assert KnownLogo()(host, mark).shape == shape


@pytest.mark.parametrize("box", [Box(20, 30, 8, 40), Box(20, 30, 40, 4), Box(3, 5, 1, 1)])
def test_what_is_not_the_logo_is_painted_over(box):
    mask = np.zeros((SIZE, SIZE), dtype=bool)
    mask[box.y : box.y + box.height, box.x : box.x + box.width] = True
    mark = VisibleMark(box, mask, LOGOS["emblem"], "binary")
    marked = make_case().marked
    assert find_recipe(marked, mark) is None
    assert (KnownLogo()(marked, mark) == Inpaint()(marked, mark)).all()


def test_a_flat_logo_that_fills_the_image_is_beyond_it():
    logo = Logo("square", np.full((20, 20, 4), 255, dtype=np.uint8))
    case = make_mark(np.full((24, 24), 90, dtype=np.uint8), logo, 130, corner=(0, 0), scale=1)
    assert find_recipe(case.marked, case.mark) is None
    assert KnownLogo()(case.marked, case.mark).shape == (24, 24)


@pytest.mark.parametrize("variant", draw_variants(2, 0), ids=lambda variant: f"{variant.angle:.0f}")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mode", ["binary", "soft"])
def test_the_mark_alone_says_what_the_renderer_drew(variant, name, mode):
    for image, scale in (((224, 224), 2), ((150, 97), 1.37), ((64, 333), 1)):
        for grey in (False, True):
            expected = render(LOGOS[name], variant, image, scale, grey=grey, mode=mode)
            mark = VisibleMark.of(LOGOS[name], expected.coverage, (0, 0), image, mode)
            drawn = paint(mark, variant, grey=grey)
            assert (drawn.rgb == expected.rgb).all()
            assert (drawn.coverage == expected.coverage).all()


def test_a_box_that_a_variant_can_not_have_is_told():
    mark = make_case(variant=TURNED).mark
    assert paint(mark, TURNED, grey=False) is not None
    assert paint(mark, PLAIN, grey=False) is None
    assert turn(mark, 0) is None


@pytest.mark.parametrize("variant", draw_variants(2, 1), ids=lambda variant: f"{variant.angle:.0f}")
@pytest.mark.parametrize("grey", [False, True])
def test_turned_colours_recoloured_are_the_renderers(variant, grey):
    mark = make_case(variant=variant).mark
    levels = recolour(turn(mark, variant.angle).rgb.reshape(-1, 3), variant, grey=grey)
    expected = paint(mark, variant, grey=grey).rgb.reshape(-1, 3)
    assert levels.shape == (len(expected), 1 if grey else 3)
    assert (levels == expected[:, : levels.shape[1]]).all()


@pytest.mark.parametrize("count", [1, 5, 16, 17])
def test_any_number_of_colours_is_recoloured(count):
    colours = np.random.default_rng(0).integers(0, 256, (count, 3), dtype=np.uint8)
    many = recolour(np.tile(colours, (9, 1)), TURNED, grey=False)
    assert (recolour(colours, TURNED, grey=False) == many[:count]).all()


@pytest.mark.parametrize(("name", "angle"), [("emblem", 29.9), ("wordmark", -7.17), ("crest", 0), ("crest", 13.4)])
@pytest.mark.parametrize("mode", ["binary", "soft"])
def test_the_outline_tells_the_angle(name, angle, mode):
    mark = make_case("brain", name, 100, Variant(angle=angle), mode).mark
    assert fit_angle(mark) == pytest.approx(angle, abs=0.05)


def test_an_angle_is_polished_by_any_measure():
    assert polish_angle(lambda angle: -abs(angle - 4.0371), 4.0) == pytest.approx(4.0371, abs=1 / 1024)


@pytest.mark.parametrize("kind", ["brain", "fundus"])
def test_no_other_recipe_is_likelier_than_the_right_one(kind):
    host, marked, mark, _ = make_case(kind, alpha=160, variant=TURNED)
    seams = find_seams(marked, turn(mark, TURNED.angle), mark)
    right = seams.surprise(Recipe(160, TURNED))
    wrong = [
        Recipe(130, TURNED),
        Recipe(190, TURNED),
        Recipe(160, replace(TURNED, value=1.0)),
        Recipe(130, replace(TURNED, value=1.12 * 160 / 130)),
    ]
    wrong += [Recipe(160, replace(TURNED, hue=0.3)), Recipe(160, replace(TURNED, saturation=1.0))] * (kind == "fundus")
    for recipe in wrong:
        assert seams.surprise(recipe) > right + 0.01
    drawn = paint(mark, TURNED, grey=is_grey(host))
    assert seams.surprise_at(160, drawn, mark) == pytest.approx(right, abs=1e-9)
    off = paint(mark, replace(TURNED, angle=TURNED.angle + 0.02), grey=is_grey(host))
    assert off is None or seams.surprise_at(160, off, mark) > right


def test_the_surprise_is_the_likelihood_it_claims_to_be():
    """Worked out pixel by pixel, on an image with one column of logo."""
    host = np.array([[10, 40, 20, 30]] * 4, dtype=np.uint8)
    logo = Logo("bar", np.full((4, 4, 4), 255, dtype=np.uint8))
    mask = np.zeros((4, 4), dtype=bool)
    mask[:, 1] = True
    mark = VisibleMark(Box(0, 0, 4, 4), mask, logo, "binary")
    marked = host.copy()
    marked[:, 1] = 200
    turned = Rendering(np.full((4, 4, 3), 255, dtype=np.uint8), np.where(mask, 255, 0).astype(np.uint8))
    alpha = 153  # three fifths of 255
    hidden = (200 - 0.6 * 255) / 0.4
    seams = np.mean([np.hypot(1, hidden - 10), np.hypot(1, hidden - 20)])
    beside = (4 * np.hypot(1, 10) + 9 * 1) / 13  # the one step within a row, and those down the other columns
    expected = np.log(seams + beside) + np.log(0.4) / 2
    assert find_seams(marked, turned, mark).surprise(Recipe(alpha, PLAIN)) == pytest.approx(expected)


def test_levels_that_no_image_has_are_unlikely():
    host, marked, mark, _ = make_case("brain", alpha=100)
    seams = find_seams(marked, turn(mark, 0), mark)
    dark = find_seams(np.where(mark.mask, 0, host).astype(np.uint8), turn(mark, 0), mark)
    assert dark.surprise(Recipe(100, PLAIN)) > seams.surprise(Recipe(100, PLAIN)) + 1


@pytest.mark.parametrize("kind", ["brain", "fundus"])
def test_given_the_angle_opacity_and_colours_are_fitted(kind):
    host, marked, mark, _ = make_case(kind, alpha=190, variant=TURNED)
    seams = find_seams(marked, turn(mark, TURNED.angle), mark)
    recipe = fit_colour(seams)
    assert recipe.alpha == pytest.approx(190, abs=3)
    assert recipe.alpha == int(recipe.alpha)
    assert recipe.variant.value == pytest.approx(TURNED.value, abs=0.02)
    if not is_grey(host):
        assert recipe.variant.hue == pytest.approx(TURNED.hue, abs=0.01)
        assert recipe.variant.saturation == pytest.approx(TURNED.saturation, abs=0.02)


@pytest.mark.parametrize("alpha", [1, 100, 220, 247])
@pytest.mark.parametrize("kind", ["brain", "fundus"])
@pytest.mark.parametrize("mode", ["binary", "soft"])
def test_the_inverse_is_one_of_the_preimages(alpha, kind, mode):
    case = make_case(kind, "emblem", alpha, PLAIN, mode)
    cleaned = invert(case.marked, alpha, case.drawn, case.mark)
    seen, found = (to_tensor(part)[:, *case.mark.window] for part in (case.marked, cleaned))
    ink = torch.from_numpy(case.drawn.rgb).permute(2, 0, 1)
    alphas = alpha_map(torch.from_numpy(case.drawn.coverage), torch.tensor(alpha))
    low, count = preimages(seen, ink, alphas.expand_as(seen))
    assert (count > 0).all()
    assert (found >= low).all()
    assert (found < low + count).all()


@pytest.mark.parametrize("alpha", [248, 255])
def test_where_nothing_is_left_inpainting_steps_in(alpha):
    case = make_case(alpha=alpha)
    cleaned = invert(case.marked, alpha, case.drawn, case.mark)
    blank = np.where(case.inside[..., None], 0, case.host).astype(np.uint8)
    assert (cleaned == inpaint(blank, case.inside)).all()
