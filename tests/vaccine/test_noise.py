"""What needs no remover."""

import pytest
import torch

from miad.vaccine import Vaccine

from .toys import draw_images, free, make_generators

NOISE = Vaccine(free("noise"))


def test_none_changes_nothing():
    images = draw_images()
    found = Vaccine(free("none"))(images, make_generators(range(4)))
    assert torch.equal(found.protected, images)
    assert not found.delta.any()
    assert found.loss.isnan().all()


def test_noise_is_uniform_over_whole_levels_that_include_both_ends():
    delta = NOISE(draw_images(2, (64, 64), low=8, high=248), make_generators(range(2))).delta
    counts = torch.bincount(delta.flatten().int() + 8, minlength=17)
    expected = delta.numel() / 17
    assert len(counts) == 17
    assert ((counts - expected).abs() < 5 * expected**0.5).all()


@pytest.mark.parametrize(("level", "low", "high"), [(0, 0, 8), (3, -3, 8), (255, -8, 0), (250, -8, 5)])
def test_noise_is_clipped_to_valid_pixels(level, low, high):
    images = torch.full((2, 3, 32, 32), level, dtype=torch.uint8)
    delta = NOISE(images, make_generators(range(2))).delta
    assert (delta.amin().item(), delta.amax().item()) == (low, high)
    for edge in (low, high):
        # What a valid pixel can not have is moved to the edge, not drawn again.
        assert (delta == edge).float().mean().item() == pytest.approx((9 - abs(edge)) / 17, abs=0.02)


@pytest.mark.parametrize("kind", ["noise", "none"])
def test_an_empty_batch_stays_empty(kind):
    found = Vaccine(free(kind))(draw_images(0), [])
    assert found.protected.shape == found.delta.shape == (0, 3, 6, 7)


def test_every_image_needs_a_generator():
    with pytest.raises(ValueError, match="shorter"):
        NOISE(draw_images(3), make_generators(range(2)))


def test_generators_are_the_only_randomness():
    images = draw_images()
    first = NOISE(images, make_generators(range(4))).delta
    torch.manual_seed(99)
    assert torch.equal(NOISE(images, make_generators(range(4))).delta, first)
    assert not torch.equal(NOISE(images, make_generators(range(4, 8))).delta, first)
