"""What an image admits, against looking at every corner."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from miad.search import Space, image_generator
from miad.watermark import Placement

ALPHA = (100, 220)


@st.composite
def cases(draw):
    """A space whose variants have some, all or none of their corners, and placements in and out of it."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    corners = {}
    for variant in draw(st.sets(st.integers(0, 3), min_size=1)):
        shape = (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
        corners[variant] = torch.rand(shape, generator=generator) < draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    count = draw(st.integers(0, 12))
    x, y = torch.randint(-1, 11, (2, count), generator=generator)
    alpha, variant = (
        torch.randint(*ALPHA, (count,), generator=generator),
        torch.randint(0, 5, (count,), generator=generator),
    )
    return Space(corners, ALPHA), Placement(x, y, alpha, variant)


@given(case=cases())
def test_the_nearest_corner_is_the_nearest_of_all_that_are_allowed(case):
    space, placement = case
    moved = space.nearest(placement)
    for before, after in zip(placement.rows().tolist(), moved.rows().tolist(), strict=True):
        x, y, alpha, variant = before
        free = space.corners.get(variant, torch.zeros(0, 0, dtype=torch.bool)).nonzero().tolist()
        distances = [(row - y) ** 2 + (column - x) ** 2 for row, column in free]
        assert after[2:] == [alpha, variant]
        if not free:
            assert after == before
        else:
            assert [after[1], after[0]] in free
            assert (after[1] - y) ** 2 + (after[0] - x) ** 2 == min(distances)


@given(case=cases())
def test_what_is_allowed_stays_where_it_is(case):
    space, placement = case
    allowed = space.allows(placement)
    assert torch.equal(space.nearest(placement).rows()[allowed], placement.rows()[allowed])


@given(case=cases(), seed=st.integers(0, 100))
def test_what_is_drawn_is_allowed(case, seed):
    space, _ = case
    if space.feasible:
        assert space.allows(space.draw(20, image_generator(seed, "image"))).all()
