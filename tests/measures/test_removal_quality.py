"""Removal's measures against plain numpy and scikit-image, one image at a time; levels and units against each other."""

from math import log10, sqrt

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio, structural_similarity
from sklearn.metrics import jaccard_score

from miad.measures import RemovalQuality, mask_iou, removal_quality
from miad.tensors import to_levels, to_unit

CEILING = 10 * log10(12 * 255**2)
"""An error of rounding alone: one twelfth of a squared grey level."""


def by_hand(image, reference, mark):
    """Of one image, ``(3, h, w)``, with nothing of the package's."""
    image, reference = (part.numpy().transpose(1, 2, 0) for part in (image, reference))
    errors = np.square(image.astype(float) - reference.astype(float))
    inside = mark[0].numpy()
    similar = structural_similarity(
        image,
        reference,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2,
    )
    return (
        peak_signal_noise_ratio(reference, image, data_range=255),
        similar,
        sqrt(mean_squared_error(reference.astype(float), image.astype(float))),
        10 * log10(255**2 / errors[inside].mean()),
        sqrt(errors[inside].mean()),
        sqrt(errors[~inside].mean()),
    )


@pytest.fixture
def some():
    """Five images with errors of five strengths, much stronger inside of marks of different sizes."""
    generator = np.random.default_rng(0)
    shape = (5, 3, 20, 27)
    references = generator.integers(0, 256, shape)
    marks = np.zeros((5, 1, 20, 27), bool)
    for number in range(5):
        marks[number, 0, number : number + 4, 3 : 6 + 4 * number] = True
    strength = np.array([1, 3, 10, 30, 60])[:, None, None, None] * np.where(marks, 2, 0.5)
    images = (references + strength * generator.normal(size=shape)).round().clip(0, 255)
    return tuple(
        torch.from_numpy(part.astype(kind)) for part, kind in ((images, "u1"), (references, "u1"), (marks, "?"))
    )


def test_every_measure_is_numpy_s_and_scikit_image_s_of_each_image(some):
    found = removal_quality(*some)
    expected = np.array([by_hand(*one) for one in zip(*some, strict=True)])
    assert found._fields == ("psnr", "ssim", "rmse", "psnr_inside", "rmse_inside", "rmse_outside")
    for name, values in zip(found._fields, expected.T, strict=True):
        own = getattr(found, name)
        assert (own.dtype, own.shape) == (torch.float32, (5,))
        np.testing.assert_allclose(own.numpy(), values, rtol=1e-5, err_msg=name)
        assert np.ptp(values) > 0.1, name
    assert (found.rmse_inside > 2 * found.rmse_outside).all()


def test_an_image_s_measures_do_not_depend_on_its_batch(some):
    together = removal_quality(*some)
    for index in range(5):
        alone = removal_quality(*(part[index : index + 1] for part in some))
        assert all(torch.allclose(one, many[index]) for one, many in zip(alone, together, strict=True))


def test_equal_images_are_at_the_ceiling():
    images = torch.randint(0, 256, (2, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    marks = torch.zeros(2, 1, 16, 16, dtype=torch.bool)
    marks[..., :3] = True
    found = removal_quality(images, images.clone(), marks)
    assert found.psnr.tolist() == found.psnr_inside.tolist() == pytest.approx([CEILING] * 2)
    assert pytest.approx(58.92, abs=0.01) == CEILING
    assert found.ssim.tolist() == pytest.approx([1, 1])
    assert torch.stack([found.rmse, found.rmse_inside, found.rmse_outside]).eq(0).all()


@pytest.mark.parametrize(("pixels", "is_at_it"), [(21, True), (22, False)])
def test_errors_below_that_of_rounding_are_at_the_ceiling(pixels, is_at_it):
    """A twelfth of 256 pixels is 21 and a third."""
    reference = torch.full((1, 3, 16, 16), 100, dtype=torch.uint8)
    image = reference.clone()
    image.view(1, 3, 256)[:, :, :pixels] = 101
    marks = torch.zeros(1, 1, 16, 16, dtype=torch.bool)
    marks.view(1, 1, 256)[..., :pixels] = True
    found = removal_quality(image, reference, marks)
    assert (found.psnr.item() == pytest.approx(CEILING, abs=1e-4)) == is_at_it
    assert found.rmse.item() == pytest.approx(sqrt(pixels / 256))
    assert found.psnr_inside.item() == pytest.approx(20 * log10(255))


def test_the_largest_error_is_counted_in_both_directions():
    dark, bright = (torch.full((1, 3, 12, 12), level, dtype=torch.uint8) for level in (0, 255))
    marks = torch.zeros(1, 1, 12, 12, dtype=torch.bool)
    marks[..., 0] = True
    for one, other in ((dark, bright), (bright, dark)):
        found = removal_quality(one, other, marks)
        values = [found.rmse, found.rmse_inside, found.rmse_outside, found.psnr, found.psnr_inside]
        assert torch.cat(values).tolist() == [255, 255, 255, 0, 0]


def test_an_error_on_one_side_of_the_mark_s_edge_is_seen_there_only():
    reference = torch.full((2, 3, 12, 12), 50, dtype=torch.uint8)
    marks = torch.zeros(2, 1, 12, 12, dtype=torch.bool)
    marks[..., :4] = True
    image = reference.clone()
    image[0, :, :, :4] += 10
    image[1, :, :, 4:] += 10
    found = removal_quality(image, reference, marks)
    assert found.rmse_inside.tolist() == pytest.approx([10, 0])
    assert found.rmse_outside.tolist() == pytest.approx([0, 10])
    assert found.psnr_inside.tolist() == pytest.approx([20 * log10(25.5), CEILING])


def test_an_error_of_one_channel_is_diluted_by_three():
    reference = torch.full((1, 3, 12, 12), 50, dtype=torch.uint8)
    image = reference.clone()
    image[:, 1] += 6
    marks = torch.zeros(1, 1, 12, 12, dtype=torch.bool)
    marks[..., :4] = True
    found = removal_quality(image, reference, marks)
    assert torch.cat([found.rmse, found.rmse_inside, found.rmse_outside]).tolist() == pytest.approx([sqrt(12)] * 3)


def test_the_measures_are_a_tuple_of_tensors(some):
    assert isinstance(removal_quality(*some), RemovalQuality)


def test_mask_iou_is_scikit_learn_s_jaccard():
    generator = torch.Generator().manual_seed(1)
    masks, marks = torch.rand(6, 1, 15, 17, generator=generator), torch.rand(6, 1, 15, 17, generator=generator) > 0.7
    masks = (masks + marks * torch.linspace(0, 0.5, 6).view(6, 1, 1, 1)) / 1.5
    found = mask_iou(masks, marks)
    expected = [jaccard_score(mark.flatten(), mask.flatten() >= 0.5) for mask, mark in zip(masks, marks, strict=True)]
    assert (found.dtype, found.shape) == (torch.float32, (6,))
    assert found.tolist() == pytest.approx(expected)
    assert np.ptp(expected) > 0.3


def test_a_mask_counts_from_a_half_on():
    marks = torch.ones(1, 1, 2, 2, dtype=torch.bool)
    masks = torch.tensor([0.5, 0.4999, 0.501, 0.0]).view(1, 1, 2, 2)
    assert mask_iou(masks, marks).tolist() == [0.5]
    assert mask_iou(torch.zeros_like(masks), marks).tolist() == [0]
    assert mask_iou(torch.ones_like(masks), marks).tolist() == [1]


@given(st.lists(st.integers(0, 255), min_size=1, max_size=50))
def test_levels_come_back_from_units(values):
    levels = torch.tensor(values, dtype=torch.uint8)
    unit = to_unit(levels)
    assert unit.dtype == torch.float32
    assert unit.tolist() == pytest.approx([value / 255 for value in values])
    assert torch.equal(to_levels(unit), levels)


def test_all_256_levels_come_back():
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(to_levels(to_unit(levels)), levels)


@given(st.lists(st.floats(-3, 4, width=32), min_size=1, max_size=50), st.sampled_from([torch.float32, torch.float64]))
def test_values_go_to_the_nearest_level_of_those_there_are(values, dtype):
    found = to_levels(torch.tensor(values, dtype=dtype))
    assert found.dtype == torch.uint8
    wanted = 255 * np.clip(np.array(values), 0, 1)
    assert np.abs(found.numpy() - wanted).max() <= 0.5 + 1e-4


@pytest.mark.parametrize(
    ("value", "level"), [(-0.1, 0), (1.01, 255), (1e9, 255), (float("-inf"), 0), (float("inf"), 255), (0.4999 / 255, 0)]
)
def test_what_lies_outside_does_not_wrap_around(value, level):
    assert to_levels(torch.tensor([value])).item() == level


def test_half_precision_is_scaled_in_full_precision():
    values = torch.linspace(0, 1, 301).to(torch.bfloat16)
    assert torch.equal(to_levels(values), to_levels(values.float()))
