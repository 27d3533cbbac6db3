"""What is free in a delta: blocks, the neighbourhood of a mark, one for all images."""

import hashlib

import numpy as np
import pytest
import torch

from miad.errors import InputError
from miad.vaccine import Vaccine, VaccineOptions, around, expand_seed, tile
from miad.vaccine.bounds import find_bounds

from .toys import Small, Toy, draw_images, make_generators


def vaccinated(images, remover, grey=False, near=None, **options):
    vaccine = Vaccine(VaccineOptions("delta_d", **({"mask_bonus": 0} | options)), [remover])
    return vaccine(images, make_generators(range(len(images))), grey=grey, near=near)


def test_a_block_s_sign_is_that_of_its_pixels_gradients_summed():
    target = torch.randint(0, 2, (1, 3, 12, 12), generator=torch.Generator().manual_seed(1)).float()
    images = torch.full((1, 3, 12, 12), 128, dtype=torch.uint8)
    # What is removed is 1 off, up or down: more light adds to the damage or takes of it.
    remover = Toy(lambda seen: seen + (2 * target - 1) * (1 + seen))
    found = vaccinated(images, remover, family="block", block=3, steps=30, reference="original").delta[0]
    shift = (2 * target - 1)[0]
    levels = 128 / 255
    slope = 2 * shift * (1 + levels) * (1 + shift)  # of the squared distance to the original
    sums = slope.reshape(3, 4, 3, 4, 3).sum((2, 4))
    signs = found[:, ::3, ::3] // 8
    clear = sums.abs() > 1
    assert clear.sum() > 20
    assert torch.equal(signs[clear].sign().float(), sums[clear].sign())


@pytest.mark.parametrize("family", ["free", "block"])
@pytest.mark.parametrize("grey", [True, False])
def test_values_near_black_and_white_are_spared(family, grey):
    images = draw_images(3, (16, 17))
    if grey:
        images = images[:, :1].expand(-1, 3, -1, -1)
    found = vaccinated(images, Small(), grey=grey, family=family, steps=3)
    ends = (images < 8) | (images > 247)
    assert ends.any()
    assert not found.delta[ends].any()
    assert (found.delta[~ends] != 0).float().mean() > 0.5
    assert torch.equal(found.protected.short() - images.short(), found.delta.short())
    assert not grey or torch.equal(found.delta[:, :1].expand(-1, 3, -1, -1), found.delta)


def test_bounds_that_spare_are_all_or_nothing():
    bounds = find_bounds(torch.arange(256, dtype=torch.uint8).expand(1, 3, 1, 256), 8, None, grey=False, spare=True)
    inside = torch.tensor([8 <= level <= 247 for level in range(256)]).expand(1, 3, 1, 256)
    assert torch.equal(bounds.high, 8.0 * inside)
    assert torch.equal(bounds.low, -8.0 * inside)


def test_a_block_keeps_to_its_bounds_on_lesions():
    images, lesions = draw_images(2, (16, 16), low=20, high=230), torch.zeros(2, 16, 16, dtype=torch.bool)
    lesions[:, 3:9, 2:5] = True
    vaccine = Vaccine(VaccineOptions("noise", family="block", block=8))
    delta = vaccine(images, make_generators(range(2)), lesions).delta
    assert not delta[:, :, 3:9, 2:5].any()
    assert (delta[:, :, 9:].abs() == 8).all()


def test_near_the_mark_alone():
    images = draw_images(2, (30, 40), low=20, high=230)
    near = torch.stack([around((30, 40), (10, 5), (6, 8), 2), around((30, 40), (35, 0), (6, 5), 3)])
    found = vaccinated(images, Small(), near=near, family="near", steps=3).delta
    assert not found.transpose(0, 1)[:, ~near].any()
    assert found[0, :, 3:13, 8:20].bool().float().mean() > 0.8
    assert found[1, :, 0:9, 32:40].bool().float().mean() > 0.8
    assert (int(near[0].sum()), int(near[1].sum())) == (10 * 12, 9 * 8)


def test_without_a_place_there_is_no_near():
    with pytest.raises(InputError, match="expected the marks' places for a delta near them, found none"):
        vaccinated(draw_images(), Small(), family="near", steps=1)


class TestUniversal:
    """One delta, learned from images and given to others."""

    gains = torch.randn(1, 3, 6, 7, generator=torch.Generator().manual_seed(2))

    def learned(self, images, remover=None, grey=False, batch_size=3, **options):
        given = {"family": "universal", "steps": 10, "mask_bonus": 0, "reference": "original"} | options
        vaccine = Vaccine(VaccineOptions("delta_d", **given), [remover or Small()])
        return vaccine, vaccine.learn(images, make_generators(range(len(images))), batch_size, grey=grey)

    def test_it_goes_where_all_images_together_gain(self):
        """The removed image is off by its gain: delta helps where it adds to that."""
        gains = self.gains
        images = draw_images(5, low=60, high=190)
        _, delta = self.learned(images, Toy(lambda seen: seen + gains))
        clear = gains[0].abs() > 0.1
        assert torch.equal(delta[clear], (8 * gains[0].sign())[clear].to(torch.int8))

    def test_images_that_disagree_are_outvoted(self):
        images = draw_images(3, low=60, high=190)
        light = (images.float().mean((1, 2, 3)) / 255).sort().values

        def off(seen):  # two images are made brighter, one darker
            means = seen.mean((1, 2, 3), keepdim=True).detach()
            return seen + torch.where(means > light[0] + 1e-3, 1.0, -1.0)

        _, delta = self.learned(images, Toy(off), start="zeros", steps=1, step=4.0)
        assert (delta == 4).all()

    def test_it_does_not_depend_on_the_batch_size(self):
        images = draw_images(7, (12, 12))
        first, second = (self.learned(images, batch_size=size)[1] for size in (2, 7))
        assert (first != second).float().mean() < 0.02  # the sums of gradients differ in their last digits

    def test_every_image_gets_it_in_its_bounds(self):
        vaccine, delta = self.learned(draw_images(4, (12, 15)))
        vaccine.universal = delta
        images = draw_images(2, (30, 20), seed=9)
        found = vaccine(images, make_generators(range(2)))
        rows, columns = np.arange(30) % 12, np.arange(20) % 15
        laid = torch.from_numpy(delta.numpy()[:, rows[:, None], columns])
        spared = (images < 8) | (images > 247)
        assert torch.equal(found.delta, laid.expand(2, -1, -1, -1) * ~spared)
        assert found.loss.isnan().all()

    @pytest.mark.parametrize("grey", [True, False])
    def test_grey_images_get_one_channel_of_it(self, grey):
        vaccine, delta = self.learned(draw_images(2, (12, 15)), grey=grey, steps=2)
        assert delta.shape == (1 if grey else 3, 12, 15)
        vaccine.universal = delta
        images = torch.full((1, 3, 12, 15), 100, dtype=torch.uint8)
        found = vaccine(images, make_generators(range(1)), grey=True).delta[0]
        assert torch.equal(found, delta[:1].expand(3, -1, -1))

    def test_it_is_at_most_256_pixels_a_side(self):
        vaccine = Vaccine(VaccineOptions("noise", family="universal"))
        assert vaccine.learn(draw_images(1, (300, 20)), make_generators(range(1))).shape == (3, 256, 20)

    def test_without_one_images_are_refused(self):
        with pytest.raises(InputError, match="expected a universal delta, found none; learn it first"):
            Vaccine(VaccineOptions("noise", family="universal"))(draw_images(), make_generators(range(4)))

    def test_broken_removers_are_refused(self):
        with pytest.raises(InputError, match="expected finite answers of the removers"):
            self.learned(draw_images(), Toy(lambda seen: seen / 0 * 0))


def test_tiles_repeat_from_the_corner():
    own = torch.arange(6).reshape(1, 2, 3)
    assert tile(own, (3, 5)).tolist() == [[[0, 1, 2, 0, 1], [3, 4, 5, 3, 4], [0, 1, 2, 0, 1]]]
    assert tile(own, (1, 2)).tolist() == [[[0, 1]]]


def test_a_seed_s_noise_is_what_it_has_always_been():
    """Keys hold seeds: this stream may never change."""
    stream = hashlib.shake_256(bytes(range(32))).digest(12)
    words = [stream[i] + 256 * stream[i + 1] for i in range(0, 12, 2)]
    expected = [word * 17 // 65536 - 8 for word in words]
    assert expand_seed(bytes(range(32)), (2, 3), 8).tolist() == [expected[:3], expected[3:]]


@pytest.mark.parametrize("eps", [1, 8, 127])
def test_a_seed_s_noise_is_uniform(eps):
    noise = expand_seed(b"s" * 32, (400, 400), eps)
    counts = np.bincount(noise.ravel().astype(int) + eps, minlength=2 * eps + 1)
    expected = noise.size / (2 * eps + 1)
    assert len(counts) == 2 * eps + 1
    assert (abs(counts - expected) < 5 * expected**0.5 + 0.005 * expected).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"block": 0}, "expected block of at least 1, found 0"),
        ({"margin": -1}, "expected margin of at least 0, found -1"),
        ({"examples": 0}, "expected examples of at least 1, found 0"),
    ],
)
def test_sizes_of_nothing_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        VaccineOptions("delta_d", **options)


def test_removers_see_whole_levels_only():
    """Blocks and free values alike are judged as they are written."""
    seen = []

    class Watching(Small):
        def remove(self, images):
            seen.append((images * 255 - (images * 255).round()).abs().max().item())
            return super().remove(images)

    vaccinated(draw_images(2, (8, 8)), Watching(), family="block", block=4, steps=3)
    assert len(seen) == 4
    assert max(seen) < 1e-3
