"""Marks that are drawn anew in each step, and what is wanted under them."""

import pytest
import torch

from miad.errors import InputError
from miad.vaccine import Vaccine

from .toys import Toy, draw_images, free, make_generators, nothing

MARK = 0.2


class Marker:
    """Adds one random value to each image, and keeps what it drew."""

    def __init__(self, spread=1.0):
        self.spread, self.drawn = spread, []

    def __call__(self, hosts, generators):
        self.drawn.append(torch.stack([torch.rand(1, generator=generator) for generator in generators]))
        return hosts + MARK + self.spread * self.drawn[-1].view(-1, 1, 1, 1)


def make(image, mask=nothing, *, marker, images=None, **options):
    images = draw_images(3, low=20, high=230) if images is None else images
    vaccine = Vaccine(free(host="marked", mask_bonus=0, **options), [Toy(image, mask)])
    return vaccine(images, make_generators(range(len(images))), marker=marker)


def test_marked_hosts_need_a_marker():
    with pytest.raises(InputError, match="expected a marker for marked hosts, found none; give one, or take the host"):
        make(lambda seen: 2 * seen, marker=None)


def test_marks_are_fresh_in_every_step_and_of_every_image_s_own():
    together, alone = Marker(), Marker()
    images = draw_images(3, low=20, high=230)
    found = make(lambda seen: 2 * seen, marker=together, images=images, steps=4)
    drawn = torch.cat(together.drawn, 1)
    assert drawn.shape == (3, 5)  # four steps, and the last delta
    assert drawn.unique().numel() == 15
    vaccine = Vaccine(free(host="marked", mask_bonus=0, steps=4), [Toy(lambda seen: 2 * seen, nothing)])
    part = vaccine(images[1:2], make_generators([1]), marker=alone)
    assert torch.equal(torch.cat(alone.drawn, 1), drawn[1:2])
    assert torch.equal(part.delta, found.delta[1:2])


def test_clean_hosts_never_see_the_marker():
    marker = Marker()
    vaccine = Vaccine(free(steps=2), [Toy(lambda seen: 2 * seen)])
    vaccine(draw_images(), make_generators(range(4)), marker=marker)
    assert marker.drawn == []


def test_the_gradient_flows_through_the_mark():
    """An opaque mark hides half of the image from the remover, and its delta stays at the start."""

    def cover(hosts, generators):
        return torch.cat([torch.full_like(hosts[..., :3], 0.5), hosts[..., 3:]], -1)

    found = make(lambda seen: 2 * seen, marker=cover, steps=9, start="zeros", reference="original")
    assert not found.delta[..., :3].any()
    assert (found.delta[..., 3:].abs() == 8).all()


def test_the_last_delta_is_kept_as_marks_do_not_compare():
    """The first mark is the largest by far: its loss says nothing of its delta."""
    calls = []

    def fading(hosts, generators):
        calls.append(len(hosts))
        return hosts + 100 / 10 ** len(calls)

    found = make(lambda seen: 3 * seen, marker=fading, steps=4, start="zeros", reference="original")
    assert (found.delta == 8).all()


@pytest.mark.parametrize("reference", ["original", "protected"])
def test_delta_i_wants_the_mark_left_where_it_is(reference):
    images = draw_images(3, low=20, high=230)
    options = {"marker": Marker(0), "kind": "delta_i", "reference": reference, "images": images, "steps": 3}
    with pytest.warns(UserWarning, match="on 3 of 3"):
        leaves = make(lambda seen: seen, **options)
    with pytest.warns(UserWarning, match="on 3 of 3"):
        removes = make(lambda seen: seen - MARK, **options)
    assert leaves.loss.tolist() == [0, 0, 0]
    assert removes.loss.tolist() == pytest.approx([2 * MARK**2] * 3)


def test_delta_d_does_not_take_a_removed_mark_for_damage():
    with pytest.warns(UserWarning, match="on 3 of 3"):
        perfect = make(lambda seen: seen - MARK, marker=Marker(0), steps=3)
    assert perfect.loss.tolist() == pytest.approx([0, 0, 0], abs=1e-12)


@pytest.mark.parametrize("reference", ["original", "protected"])
def test_over_a_mark_a_remover_that_takes_it_off_is_not_spoilt_by_that(reference):
    """The ideal of a delta_D over marked images is the image without its mark, not with it."""
    unmarked = torch.full((1, 3, 4, 4), 100, dtype=torch.uint8)
    marked = unmarked.clone()
    marked[..., :2] = 200
    shade = (marked.float() - unmarked.float()) / 255
    options = free("delta_d", steps=1, start="zeros", mask_bonus=0, reference=reference)
    vaccine = Vaccine(options, [Toy(lambda seen: seen - shade)])
    generators = [torch.Generator()]
    against_marked = vaccine(marked, generators).loss
    against_unmarked = vaccine(marked, generators, unmarked=unmarked).loss
    assert against_marked > 0.05
    assert against_unmarked < 2e-3  # delta itself, where that counts
