"""Boxes against scikit-image's regions and a loop over all pairs."""

from itertools import combinations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_dilation
from skimage.measure import label, regionprops

from miad.lesions import Box, Regions, fill_boxes, find_boxes, merge_boxes

masks = arrays(bool, st.tuples(st.integers(1, 16), st.integers(1, 16)), elements=st.sampled_from([False] * 4 + [True]))
boxes = st.lists(
    st.builds(Box, st.integers(0, 12), st.integers(0, 12), st.integers(1, 8), st.integers(1, 8)), max_size=12
)


def iou(one, other):
    grids = [fill_boxes([box], (24, 24)) for box in (one, other)]
    return (grids[0] & grids[1]).sum() / (grids[0] | grids[1]).sum()


def holds(whole, box):
    return not (fill_boxes([box], (24, 24)) & ~fill_boxes([whole], (24, 24))).any()


@given(masks)
@settings(deadline=None)
def test_boxes_are_those_of_the_connected_regions(mask):
    expected = []
    for region in regionprops(label(mask, connectivity=2)):
        top, left, bottom, right = region.bbox
        expected.append(Box(left, top, right - left, bottom - top))
    assert sorted(find_boxes(mask)) == sorted(expected)


@given(boxes, st.sampled_from([0.0, 0.2, 0.5, 1.0]))
@settings(deadline=None)
def test_merged_boxes_hold_the_old_ones_and_no_two_overlap_too_much(given_boxes, limit):
    merged = merge_boxes(given_boxes, limit)
    before, after = fill_boxes(given_boxes, (24, 24)), fill_boxes(merged, (24, 24))
    assert not (before & ~after).any()
    assert all(iou(one, other) <= limit + 1e-9 for one, other in combinations(merged, 2))
    assert all(any(holds(whole, box) for whole in merged) for box in given_boxes)


def test_the_merged_box_has_the_union_s_sides_not_the_larger_ones():
    """MedLocker's eq. 7 as printed would give 6 by 6."""
    assert merge_boxes([Box(0, 0, 6, 4), Box(1, 1, 6, 4)], 0.4) == [Box(0, 0, 7, 5)]


def test_merging_goes_on_while_a_merged_box_overlaps_another():
    chain = [Box(0, 0, 6, 6), Box(2, 0, 6, 6), Box(3, 0, 8, 6)]
    assert iou(chain[0], chain[2]) < 0.35
    assert merge_boxes(chain, 0.35) == [Box(0, 0, 11, 6)]


def test_boxes_that_do_not_overlap_stay():
    apart = [Box(0, 0, 2, 2), Box(4, 4, 2, 2)]
    assert merge_boxes(apart, 0.0) == apart


@given(masks, st.sampled_from(["box", "pixel"]), st.integers(0, 3), st.sampled_from([0.0, 0.1, 0.3]))
@settings(deadline=None)
def test_all_of_the_mask_and_its_margin_is_blocked(mask, shape, margin, grow):
    blocked = Regions(shape, grow, 0.0, margin).block(torch.from_numpy(mask)[None])[0].numpy()
    reach = margin + round(grow * mask.shape[1])
    square = np.ones((2 * reach + 1, 2 * reach + 1), bool)
    dilated = binary_dilation(mask, square)
    assert not (dilated & ~blocked).any()
    if shape == "pixel":
        assert np.array_equal(blocked, dilated)


def test_small_regions_are_dropped_only_when_told():
    mask = torch.zeros(1, 20, 20, dtype=torch.bool)
    mask[0, 1, 1] = True
    mask[0, 10:14, 10:14] = True
    assert Regions().block(mask).equal(mask)
    kept = Regions(smallest=0.004).block(mask)  # 1.6 pixels
    assert not kept[0, 1, 1]
    assert kept.sum() == 16
    assert not Regions(smallest=0.04).block(mask).any()  # 16 pixels are not more than 16


def test_growing_joins_neighbours_before_small_ones_are_dropped():
    mask = torch.zeros(1, 40, 40, dtype=torch.bool)
    mask[0, 10, 10:30:4] = True
    assert not Regions(smallest=0.005).block(mask).any()
    assert Regions(grow=0.05, smallest=0.005).block(mask)[0, 10, 10:27].all()


def test_empty_and_full_masks():
    empty, full = torch.zeros(2, 9, 7, dtype=torch.bool), torch.ones(2, 9, 7, dtype=torch.bool)
    for regions in (Regions(), Regions("pixel"), Regions(margin=2, grow=0.2, smallest=0.1)):
        assert not regions.block(empty).any()
        assert regions.block(full).all()
