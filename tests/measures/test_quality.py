"""SSIM against torchmetrics, PSNR and RMSE against closed forms and scikit-image."""

from math import inf, log10, sqrt

import numpy as np
import pytest
import torch
from skimage.metrics import mean_squared_error, peak_signal_noise_ratio
from torchmetrics.functional.image import structural_similarity_index_measure

from miad.measures import psnr, rmse, ssim

BORDER = 5
"""Half of the window of 11 pixels."""


def by_torchmetrics(image, reference):
    """Mean of the full similarity map without its padded border."""
    stacks = [torch.from_numpy(np.atleast_3d(part)).permute(2, 0, 1)[None].double() for part in (image, reference)]
    _, full = structural_similarity_index_measure(*stacks, data_range=255.0, sigma=1.5, return_full_image=True)
    return float(full[..., BORDER:-BORDER, BORDER:-BORDER].mean())


@pytest.fixture(params=[(11, 11), (16, 21), (20, 17, 3)], ids=str)
def pair(request):
    rng = np.random.default_rng(0)
    reference = rng.integers(0, 256, request.param, dtype=np.uint8)
    noisy = reference + rng.normal(0, 40, request.param)
    return noisy.clip(0, 255).astype(np.uint8), reference


def test_ssim_is_that_of_torchmetrics(pair):
    assert ssim(*pair) == pytest.approx(by_torchmetrics(*pair), abs=1e-6)
    assert 0.1 < ssim(*pair) < 0.99


def test_psnr_and_rmse_are_those_of_scikit_image(pair):
    image, reference = pair
    assert psnr(image, reference) == pytest.approx(peak_signal_noise_ratio(reference, image, data_range=255))
    assert rmse(image, reference) == pytest.approx(sqrt(mean_squared_error(reference, image)))


def test_equal_images_are_perfect(pair):
    image, _ = pair
    assert (ssim(image, image), psnr(image, image), rmse(image, image)) == (pytest.approx(1), inf, 0)


def test_a_constant_shift_is_the_error_in_both_directions():
    dark, bright = np.full((12, 12), 5, np.uint8), np.full((12, 12), 250, np.uint8)
    assert rmse(dark, bright) == rmse(bright, dark) == 245
    assert psnr(dark, bright) == pytest.approx(20 * log10(255 / 245))


def test_one_wrong_pixel_is_diluted_by_all():
    image = np.zeros((10, 10), np.uint8)
    image[3, 4] = 30
    assert rmse(image, np.zeros_like(image)) == pytest.approx(3)
