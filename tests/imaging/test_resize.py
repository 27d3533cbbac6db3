"""Resizing against Pillow, and masks against a loop over every pixel."""

from fractions import Fraction
from math import ceil, floor

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from miad.imaging import fit_longer_side, resize, resize_mask

sides = st.integers(1, 12)


def by_pillow(images, size):
    """Antialiased bilinear, one float channel at a time."""
    height, width = size
    channels = images.float().numpy().reshape(-1, *images.shape[-2:])
    resized = [np.array(Image.fromarray(one).resize((width, height), Image.Resampling.BILINEAR)) for one in channels]
    return torch.from_numpy(np.stack(resized)).reshape(*images.shape[:2], height, width)


def by_loop(mask, size):
    """A pixel is set if its box, which may begin or end inside a pixel, meets a set one."""
    y_scale, x_scale = (Fraction(old, new) for old, new in zip(mask.shape, size, strict=True))
    resized = np.zeros(size, bool)
    for y, x in np.ndindex(size):
        box = mask[floor(y * y_scale) : ceil((y + 1) * y_scale), floor(x * x_scale) : ceil((x + 1) * x_scale)]
        resized[y, x] = box.any()
    return resized


@pytest.fixture
def images():
    return torch.randint(0, 256, (2, 3, 24, 30), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


@pytest.mark.parametrize("size", [(8, 10), (7, 7), (24, 15), (48, 60), (31, 9), (1, 1)])
def test_floats_are_resized_as_pillow_does(images, size):
    torch.testing.assert_close(resize(images.float(), size), by_pillow(images, size), atol=1e-3, rtol=0)


@pytest.mark.parametrize("size", [(8, 10), (31, 37)])
def test_bytes_are_rounded_to_the_nearest_level(images, size):
    resized = resize(images, size)
    assert resized.dtype == torch.uint8
    assert (resized - by_pillow(images, size)).abs().max() < 0.501


def test_pixels_in_pairs_halve_to_their_mean():
    rows = torch.tensor([10.0, 10, 10, 10, 50, 50, 50, 50]).view(1, 1, 1, 8).expand(1, 1, 8, 8)
    torch.testing.assert_close(resize(rows, (4, 4))[0, 0, 0], torch.tensor([10.0, 15, 45, 50]))


def test_black_and_white_survive_growing():
    extremes = torch.tensor([[0, 255], [255, 0]], dtype=torch.uint8).expand(1, 3, 2, 2)
    grown = resize(extremes, (16, 16))
    assert (int(grown[0, 0, 0, 0]), int(grown[0, 0, 0, -1])) == (0, 255)


def test_an_image_of_the_right_size_is_not_touched(images):
    assert resize(images, (24, 30)) is images


@given(st.integers(0, 2**32 - 1), sides, sides, sides, sides)
@settings(deadline=None, max_examples=60)
def test_a_mask_keeps_every_pixel_that_any_part_of_a_lesion_meets(seed, rows, columns, height, width):
    mask = np.random.default_rng(seed).random((rows, columns)) < 0.15
    resized = resize_mask(torch.from_numpy(mask), (height, width))
    np.testing.assert_array_equal(resized.numpy(), by_loop(mask, (height, width)))


@pytest.mark.parametrize("size", [3, 7, 31, 64])
def test_a_lesion_of_one_pixel_survives_any_shrinking(size):
    for place in range(0, 4096, 61):
        y, x = divmod(place, 64)
        mask = torch.zeros(64, 64, dtype=torch.bool)
        mask[y, x] = True
        assert resize_mask(mask, (size, size))[y * size // 64, x * size // 64]


def test_masks_of_several_kinds_are_resized_one_by_one():
    masks = torch.rand(3, 9, 7, generator=torch.Generator().manual_seed(0)) > 0.9
    expected = torch.stack([resize_mask(mask, (4, 5)) for mask in masks])
    assert torch.equal(resize_mask(masks, (4, 5)), expected)
    assert expected.any()


@pytest.mark.parametrize(
    ("shape", "length", "fitted"),
    [((40, 60), 96, (64, 96)), ((771, 512), 256, (256, 170)), ((8, 8), 32, (32, 32)), ((1, 900), 9, (1, 9))],
)
def test_the_longer_side_gets_its_length_and_the_shape_stays(shape, length, fitted):
    assert fit_longer_side(shape, length) == fitted
    assert fit_longer_side(shape[::-1], length) == fitted[::-1]
