"""What gives way for lack of room, and in which order."""

from dataclasses import replace
from functools import lru_cache

import pytest
import torch

from miad.errors import InputError
from miad.lesions import Estimate, Regions, Shades
from miad.tasks import RoomOptions, find_rooms
from miad.watermark import draw_variants, load_logo, make_atlas

SHAPE, ALPHA, SCALE = (64, 80), (100, 220), 2.0


@lru_cache
def atlas_at(scale):
    return make_atlas(load_logo("emblem"), draw_variants(3, 5), SHAPE, scale, grey=False)


def estimate(*levels, threshold=190, trusted=True):
    """One source's shades, an image each."""
    return Estimate((Shades(torch.stack(levels), torch.tensor([trusted] * len(levels))),), (threshold,))


def rooms(seen, variants=None, options=None):
    options = RoomOptions(regions=Regions("pixel")) if options is None else options
    return find_rooms(seen, variants or [(0,)] * len(seen.trusted), atlas_at, SCALE, ALPHA, options)


def full(shade=255):
    return torch.full(SHAPE, shade, dtype=torch.uint8)


def all_but(rows, columns, shade=255):
    """Blocked but for a free corner at the top left."""
    levels = full(shade)
    levels[:rows, :columns] = 0
    return levels


def logo_size(scale, variant=0):
    return atlas_at(scale).sizes[variant].tolist()


def test_scales_and_raises_come_in_steps_up_to_their_limits():
    options = RoomOptions(largest_scale=3.2, largest_raise=40)
    assert options.smaller(2.0) == [2.5, 3.0]
    assert list(options.raises) == [16, 32]


@pytest.mark.parametrize("largest", [1.0, 2.0, 2.4])
def test_a_logo_that_may_not_shrink_keeps_its_scale(largest):
    assert RoomOptions(largest_scale=largest).smaller(2.0) == []


def test_thresholds_of_given_masks_are_not_tried(monkeypatch):
    asked = []
    monkeypatch.setattr(Estimate, "masks", lambda seen, raised=0: asked.append(raised) or seen.shades[0].levels > 0)
    assert not rooms(estimate(full(255), threshold=255))[0].space.feasible
    assert asked == [0]


def test_with_room_nothing_gives_way():
    (room,) = rooms(estimate(torch.zeros(SHAPE, dtype=torch.uint8)))
    assert (room.scale, room.raised, room.space.feasible) == (SCALE, 0, True)
    height, width = logo_size(SCALE)
    assert room.space.corners[0].shape == (SHAPE[0] - height + 1, SHAPE[1] - width + 1)
    assert room.space.corners[0].all()


def test_the_logo_shrinks_to_the_first_scale_that_fits():
    height, width = logo_size(3.0)
    tall, wide = logo_size(2.5)
    assert (height, width) < (tall, wide)
    (room,) = rooms(estimate(all_but(height, width)))
    assert (room.scale, room.raised) == (3.0, 0)
    assert room.space.corners[0].nonzero().tolist() == [[0, 0]]


def test_thresholds_rise_when_the_smallest_logo_has_no_room():
    (room,) = rooms(estimate(full(200)))
    assert (room.scale, room.raised) == (4.0, 16)
    assert not room.mask.any()


def test_what_stays_above_every_threshold_is_infeasible():
    (room,) = rooms(estimate(full(255)))
    assert (room.scale, room.raised, room.space.feasible) == (4.0, 48, False)


def test_every_image_gives_way_by_itself():
    height, width = logo_size(4.0)
    seen = estimate(torch.zeros(SHAPE, dtype=torch.uint8), full(255), all_but(height, width), full(230))
    found = [(room.scale, room.raised, room.space.feasible) for room in rooms(seen)]
    assert found == [(2.0, 0, True), (4.0, 48, False), (4.0, 0, True), (4.0, 48, True)]


def test_the_plain_logo_is_tried_where_an_image_s_variants_do_not_fit():
    sizes = atlas_at(SCALE).sizes
    other = int(sizes.prod(1)[1:].argmax()) + 1
    height, width = logo_size(SCALE)
    assert (sizes[other] > sizes[0]).any()
    (room,) = rooms(estimate(all_but(height, width)), [(other,)])
    assert (room.scale, room.space.variants) == (SCALE, (0,))


@pytest.mark.parametrize(("largest", "shade", "expected"), [(2.0, 255, (2.0, 48, False)), (3.0, 200, (3.0, 16, True))])
def test_scales_too_small_to_be_drawn_are_passed_over(largest, shade, expected):
    """And thresholds rise at the last scale that can be drawn."""

    def at_most(scale):
        if scale > largest:
            raise InputError("no visible pixel left")
        return atlas_at(scale)

    options = RoomOptions()
    (room,) = find_rooms(estimate(full(shade)), [(0,)], at_most, SCALE, ALPHA, options)
    assert (room.scale, room.raised, room.space.feasible) == expected


def test_a_scale_that_was_asked_for_must_be_drawn():
    def nothing(scale):
        raise InputError("no visible pixel left")

    with pytest.raises(InputError, match="no visible pixel"):
        find_rooms(estimate(full(0)), [(0,)], nothing, SCALE, ALPHA, RoomOptions())


@pytest.mark.parametrize("kept", ["rectangle", "drawn"])
@pytest.mark.parametrize("regions", [Regions(), Regions("pixel"), Regions(margin=3)])
def test_no_corner_of_any_variant_at_any_scale_lets_the_logo_meet_the_mask(kept, regions):
    generator = torch.Generator().manual_seed(4)
    levels = (255 * (torch.rand(12, *SHAPE, generator=generator) < 0.003)).to(torch.uint8)
    levels[8:, 10:50, 20:70] = 255  # lesions that make the logo shrink
    variants = [(index % 4, (index + 1) % 4) for index in range(12)]
    found = rooms(estimate(*levels), variants, RoomOptions(kept=kept, regions=regions))
    assert len({room.scale for room in found}) > 1
    for room in found:
        atlas = atlas_at(room.scale)
        for variant, corners in room.space.corners.items():
            height, width = atlas.sizes[variant].tolist()
            logo = atlas.coverage[variant, 0, :height, :width] > 0
            for y, x in corners.nonzero().tolist()[::7]:
                under = room.mask[y : y + height, x : x + width]
                assert not (under & logo if kept == "drawn" else under).any()


def test_inside_only_leaves_corners_that_cover_the_mask():
    levels = torch.zeros(SHAPE, dtype=torch.uint8)
    levels[30, 40] = 255
    inside, outside, anywhere = (
        rooms(estimate(levels), options=replace(RoomOptions(), place=place))[0].space.corners[0]
        for place in ("inside", "outside", "anywhere")
    )
    assert torch.equal(inside | outside, anywhere)
    assert inside.any()
    assert not (inside & outside).any()


def test_without_a_lesion_there_is_no_place_inside():
    (room,) = rooms(estimate(torch.zeros(SHAPE, dtype=torch.uint8)), options=RoomOptions(place="inside"))
    assert not room.space.feasible


def test_a_box_blocks_what_its_region_only_surrounds():
    height, width = logo_size(4.0)
    seen = estimate(all_but(height, width))
    assert rooms(seen)[0].space.feasible
    assert not rooms(seen, options=RoomOptions(regions=Regions("box")))[0].space.feasible


def test_distrust_is_passed_on():
    assert not rooms(estimate(full(0), trusted=False))[0].trusted


@pytest.mark.parametrize("options", [{"largest_raise": -1}, {"largest_scale": float("nan")}, {"largest_scale": 0.0}])
def test_limits_out_of_range_are_refused(options):
    with pytest.raises(InputError, match=next(iter(options))):
        RoomOptions(**options)
