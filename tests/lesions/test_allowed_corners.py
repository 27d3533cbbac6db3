"""The allowed corners against a loop over every corner and every pixel of the logo."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from miad.lesions import allowed_corners


def by_loop(blocked, drawn):
    (rows, columns), (height, width) = blocked.shape, drawn.shape
    free = torch.zeros(rows, columns, dtype=torch.bool)
    for y in range(rows - height + 1):
        for x in range(columns - width + 1):
            free[y, x] = not (blocked[y : y + height, x : x + width] & drawn).any()
    return free


def padded(logos):
    height, width = (max(logo.shape[axis] for logo in logos) for axis in (0, 1))
    stacked = torch.zeros(len(logos), height, width, dtype=torch.bool)
    for index, logo in enumerate(logos):
        stacked[index, : logo.shape[0], : logo.shape[1]] = logo
    return stacked, torch.tensor([logo.shape for logo in logos])


def assert_as_by_loop(blocked, logos):
    drawn, sizes = padded(logos)
    expected = torch.stack([by_loop(mask, logo) for mask, logo in zip(blocked, logos, strict=True)])
    assert torch.equal(allowed_corners(blocked, drawn, sizes), expected)


@st.composite
def scenes(draw):
    """A batch of masks of one size, from empty to full, each with a logo of its own."""
    rows, columns, count = draw(st.integers(1, 12)), draw(st.integers(1, 12)), draw(st.integers(1, 4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    density = draw(st.sampled_from([0.0, 0.02, 0.1, 0.5, 1.0]))
    blocked = torch.rand(count, rows, columns, generator=generator) < density
    ink = draw(st.sampled_from([0.0, 0.3, 0.8, 1.0]))
    sizes = [(draw(st.integers(1, rows)), draw(st.integers(1, columns))) for _ in range(count)]
    return blocked, [torch.rand(size, generator=generator) < ink for size in sizes]


@given(scenes())
@settings(deadline=None, max_examples=150)
def test_a_corner_is_allowed_exactly_where_no_drawn_pixel_meets_what_is_blocked(scene):
    assert_as_by_loop(*scene)


@given(scenes())
@settings(deadline=None, max_examples=150)
def test_rectangles_are_as_exact(scene):
    blocked, logos = scene
    assert_as_by_loop(blocked, [torch.ones_like(logo) for logo in logos])


@given(scenes())
@settings(deadline=None, max_examples=50)
def test_inside_and_outside_part_the_corners_between_them(scene):
    blocked, logos = scene
    drawn, sizes = padded(logos)
    anywhere, outside, inside = (
        allowed_corners(blocked, drawn, sizes, place) for place in ("anywhere", "outside", "inside")
    )
    assert torch.equal(outside | inside, anywhere)
    assert not (outside & inside).any()
    for corners, (height, width) in zip(anywhere, sizes.tolist(), strict=True):
        assert corners.sum() == (corners.shape[0] - height + 1) * (corners.shape[1] - width + 1)


@pytest.mark.parametrize("ink", [0.6, 1.0])
def test_no_drawn_pixel_meets_a_blocked_one_in_ten_thousand_random_cases(ink):
    """Drawn at random allowed corners, as a search draws them."""
    generator = torch.Generator().manual_seed(5)
    met = cases = 0
    for _ in range(230):
        rows, columns = torch.randint(20, 60, (2,), generator=generator).tolist()
        height, width = torch.randint(2, 18, (2,), generator=generator).tolist()
        blocked = torch.rand(50, rows, columns, generator=generator) < 0.004
        drawn = torch.rand(50, height, width, generator=generator) < ink
        sizes = torch.tensor([(height, width)]).expand(50, 2)
        for mask, logo, allowed in zip(blocked, drawn, allowed_corners(blocked, drawn, sizes), strict=True):
            corners = allowed.nonzero()
            if len(corners):
                y, x = corners[int(torch.randint(len(corners), (), generator=generator))].tolist()
                met += int((mask[y : y + height, x : x + width] & logo).sum())
                cases += 1
    assert cases >= 10_000
    assert met == 0


def test_a_logo_may_touch_a_lesion_but_not_overlap_it():
    blocked = torch.zeros(1, 3, 8, dtype=torch.bool)
    blocked[:, :, 4] = True
    drawn, sizes = padded([torch.ones(3, 3, dtype=torch.bool)])
    assert allowed_corners(blocked, drawn, sizes)[0, 0].tolist() == [
        True,
        True,
        False,
        False,
        False,
        True,
        False,
        False,
    ]


def test_a_lesion_fits_into_a_hole_of_the_drawn_logo_but_not_of_its_rectangle():
    blocked = torch.zeros(1, 5, 5, dtype=torch.bool)
    blocked[0, 2, 2] = True
    ring = torch.ones(3, 3, dtype=torch.bool)
    ring[1, 1] = False
    drawn, sizes = padded([ring])
    assert allowed_corners(blocked, drawn, sizes)[0].nonzero().tolist() == [[1, 1]]
    assert not allowed_corners(blocked, torch.ones_like(drawn), sizes).any()


def test_counts_stay_exact_under_a_logo_of_many_pixels():
    blocked = torch.ones(1, 300, 301, dtype=torch.bool)
    logo = torch.ones(256, 256, dtype=torch.bool)
    logo[0, 0] = False
    for drawn, sizes in (padded([logo]), padded([torch.ones_like(logo)])):
        assert not allowed_corners(blocked, drawn, sizes).any()
        assert int(allowed_corners(~blocked, drawn, sizes).sum()) == 45 * 46
