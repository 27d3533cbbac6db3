"""The no-go map against a loop over every corner."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from miad.lesions import allowed_corners


def by_loop(mask, logo):
    height, width = logo
    rows, columns = mask.shape[0] - height + 1, mask.shape[1] - width + 1
    free = [[not mask[y : y + height, x : x + width].any() for x in range(columns)] for y in range(rows)]
    return torch.tensor(free)


@st.composite
def scenes(draw):
    rows, columns = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    pixels = draw(st.lists(st.sampled_from([False] * 7 + [True]), min_size=rows * columns, max_size=rows * columns))
    logo = draw(st.integers(1, rows)), draw(st.integers(1, columns))
    return torch.tensor(pixels).view(rows, columns), logo


@given(scenes())
@settings(deadline=None, max_examples=200)
def test_a_corner_is_allowed_exactly_where_the_logo_meets_no_lesion(scene):
    mask, logo = scene
    assert torch.equal(allowed_corners(mask, logo), by_loop(mask, logo))


def test_without_a_lesion_every_corner_is_allowed():
    allowed = allowed_corners(torch.zeros(6, 9, dtype=torch.bool), (2, 4))
    assert torch.equal(allowed, torch.ones(5, 6, dtype=torch.bool))


def test_a_lesion_everywhere_leaves_no_corner():
    assert not allowed_corners(torch.ones(6, 9, dtype=torch.bool), (1, 1)).any()


def test_a_logo_may_touch_a_lesion_but_not_overlap_it():
    mask = torch.zeros(3, 8, dtype=torch.bool)
    mask[:, 4] = True
    assert allowed_corners(mask, (3, 3)).tolist() == [[True, True, False, False, False, True]]


def test_counts_do_not_overflow_under_a_large_logo():
    assert not allowed_corners(torch.ones(256, 257, dtype=torch.bool), (256, 256)).any()
