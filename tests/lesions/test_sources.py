"""Masks from what is given, Grad-CAM and a segmenter, and their union."""

import pytest
import torch

from miad.errors import InputError
from miad.lesions import (
    Estimate,
    GivenMasks,
    GradCam,
    GradCamMasks,
    LesionFinder,
    SegmenterMasks,
    Shades,
    segment,
)
from miad.models import Classifier, Segmenter

SHAPE = (40, 56)
LABELS = torch.tensor([0, 1, 2, 0, 1])


@pytest.fixture(scope="module")
def images():
    generator = torch.Generator().manual_seed(2)
    return torch.randint(0, 256, (5, 3, *SHAPE), dtype=torch.uint8, generator=generator)


@pytest.fixture(scope="module")
def given_masks():
    """Two images without a mask, one with an empty one."""
    generator = torch.Generator().manual_seed(3)
    first, second = torch.rand(2, *SHAPE, generator=generator) < 0.1
    return [first, None, torch.zeros(SHAPE, dtype=torch.bool), second, None]


@pytest.fixture(scope="module")
def classifier():
    torch.manual_seed(1)
    return Classifier("resnet10t", ["a", "b", "c"], 64).eval()


@pytest.fixture(scope="module")
def segmenter():
    torch.manual_seed(1)
    return Segmenter("mobilenet_v2", ["one", "two"], 64, width=16).eval()


def test_given_masks_are_taken_as_they_are(images, given_masks):
    masks = LesionFinder([GivenMasks()])(images, LABELS, given_masks).masks()
    for mask, own in zip(masks, given_masks, strict=True):
        assert torch.equal(mask, torch.zeros(SHAPE, dtype=torch.bool) if own is None else own)


@pytest.mark.parametrize("threshold", [1, 128, 190, 255])
def test_a_heatmap_is_cut_at_its_threshold(images, given_masks, classifier, threshold):
    masks = LesionFinder([GradCamMasks(classifier, threshold)])(images, LABELS, given_masks).masks()
    heat = GradCam(classifier)(images, LABELS).heat
    assert torch.equal(masks, (255 * heat).round() >= threshold)


@pytest.mark.parametrize("probability", [0.3, 0.5, 0.8])
def test_a_segmenter_s_mask_is_where_any_kind_is_likely(images, given_masks, segmenter, probability):
    finder = LesionFinder([SegmenterMasks(segmenter, round(255 * probability))])
    likely = segment(segmenter, images).amax(1)
    clear = (likely - probability).abs() > 1 / 255  # shades round
    masks = finder(images, LABELS, given_masks).masks()
    assert torch.equal(masks[clear], (likely > probability)[clear])


def test_several_sources_make_a_union(images, given_masks, classifier, segmenter):
    sources = [GivenMasks(), GradCamMasks(classifier), SegmenterMasks(segmenter)]
    union = LesionFinder(sources)(images, LABELS, given_masks).masks()
    alone = [LesionFinder([source])(images, LABELS, given_masks).masks() for source in sources]
    assert torch.equal(union, torch.stack(alone).any(0))


def test_the_batch_size_changes_nothing_but_rounding(images, given_masks, classifier, segmenter):
    sources = [GivenMasks(), GradCamMasks(classifier), SegmenterMasks(segmenter)]
    one, five = (LesionFinder(sources, size)(images, LABELS, given_masks) for size in (1, 5))
    for single, joint in zip(one.shades, five.shades, strict=True):
        assert (single.levels.int() - joint.levels.int()).abs().max() <= 1
        assert torch.equal(single.trusted, joint.trusted)


def test_raised_thresholds_shrink_what_is_estimated_and_never_what_is_given(images, given_masks, classifier):
    estimate = LesionFinder([GivenMasks(), GradCamMasks(classifier, 100)])(images, LABELS, given_masks)
    given_part = LesionFinder([GivenMasks()])(images, LABELS, given_masks).masks()
    before = estimate.masks()
    for raised in (16, 48, 155, 400):
        after = estimate.masks(raised)
        assert not (after & ~before).any()
        assert not (given_part & ~after).any()
        before = after
    assert before.sum() < estimate.masks().sum()


def test_a_source_that_misreads_the_image_is_not_trusted(images, given_masks, classifier):
    estimate = LesionFinder([GivenMasks(), GradCamMasks(classifier)])(images, LABELS, given_masks)
    with torch.no_grad():
        assert torch.equal(estimate.trusted, classifier(images).argmax(1) == LABELS)
    assert LesionFinder([GivenMasks()])(images, LABELS, given_masks).trusted.all()


def test_thresholds_of_given_masks_can_not_rise(images, given_masks, classifier):
    assert not LesionFinder([GivenMasks()])(images, LABELS, given_masks).can_rise
    assert LesionFinder([GivenMasks(), GradCamMasks(classifier)])(images, LABELS, given_masks).can_rise


def test_masks_are_float32_s_whatever_the_precision_of_the_search(images, given_masks, classifier, segmenter):
    finder = LesionFinder([GradCamMasks(classifier), SegmenterMasks(segmenter)])
    plain = finder(images, LABELS, given_masks)
    with torch.autocast("cpu", torch.bfloat16):
        half = finder(images, LABELS, given_masks)
    assert all(torch.equal(one.levels, two.levels) for one, two in zip(plain.shades, half.shades, strict=True))


def test_a_segmenter_that_answers_no_numbers_is_refused(images, given_masks):
    broken = Segmenter("mobilenet_v2", ["one"], 64, width=16)
    torch.nn.init.constant_(next(iter(broken.parameters())), float("nan"))
    with pytest.raises(InputError, match="expected finite probabilities"):
        LesionFinder([SegmenterMasks(broken)])(images, LABELS, given_masks)


def test_part_of_an_estimate_is_that_of_its_images():
    levels = torch.arange(3, dtype=torch.uint8)[:, None, None].expand(3, 2, 2)
    estimate = Estimate((Shades(levels, torch.tensor([True, False, True])),), (1,))
    part = estimate[torch.tensor([2, 1])]
    assert part.strongest[:, 0, 0].tolist() == [2, 1]
    assert part.trusted.tolist() == [True, False]


@pytest.mark.parametrize("threshold", [0, 256, -3])
def test_a_threshold_that_is_no_shade_is_refused(classifier, threshold):
    with pytest.raises(InputError, match="threshold between 1 and 255"):
        GradCamMasks(classifier, threshold)
