"""Deltas against ones that are known without a gradient, and the two traps of the paper's objective."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from miad.vaccine import PAPER, Vaccine

from .toys import Small, Toy, draw_images, free, make_generators, nothing

EPS2 = (8 / 255) ** 2


def away(images, sign, eps=8):
    """As far as eps and valid pixels allow."""
    return ((images.int() + sign * eps).clamp(0, 255) - images.int()).to(torch.int8)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 99), eps=st.integers(1, 20), step=st.sampled_from([0.7, 2.0, 5.0]), kind=st.booleans())
def test_where_the_slope_never_turns_delta_goes_all_the_way(seed, eps, step, kind):
    images = draw_images(seed=seed)
    pull = torch.where(draw_images(1, seed=seed + 1) < 128, -1.0, 1.0)
    remover = Toy(lambda seen: 3 * seen + 9 * pull, nothing)
    name, sign = ("delta_d", 1) if kind else ("delta_i", -1)
    for reference in ("original", "protected"):
        options = free(name, eps, step, 60, reference=reference, mask_bonus=0)
        found = Vaccine(options, [remover])(images, make_generators(range(4)))
        # 3z + 9p - x and 3z + 9p - z have the sign of p for all pixels, and grow with z.
        assert torch.equal(found.delta, away(images, (sign * pull).int(), eps))


def test_a_lesion_stays_and_the_rest_goes_all_the_way():
    images = draw_images()
    lesions = draw_images(seed=3)[:, 0] < 100
    found = Vaccine(free(steps=10), [Toy(lambda seen: 2 * seen + 1)])(images, make_generators(range(4)), lesions)
    assert torch.equal(found.delta, away(images, 1) * ~lesions[:, None])


def test_grey_images_follow_the_sum_of_the_channels_slopes():
    images = draw_images()[:, :1].repeat(1, 3, 1, 1)
    gains = torch.tensor([1.0, 1.0, -3.0]).view(1, 3, 1, 1)
    vaccine = Vaccine(free(steps=10), [Toy(lambda seen: seen + gains * seen + 50)])
    assert torch.equal(vaccine(images, make_generators(range(4)), grey=True).delta, away(images, -1))
    assert torch.equal(vaccine(images, make_generators(range(4))).delta, away(images, gains.sign().int()))


def test_an_image_s_best_delta_is_kept_not_its_last():
    """The worth peaks at +1, between the ascent's 0 and 3, and +10, between 9 and 12, is better still."""
    images = torch.full((2, 3, 1, 1), 100, dtype=torch.uint8)
    peak = torch.tensor([1.0, 10.0]).view(2, 1, 1, 1)

    def image(seen):
        return seen + 1 - (255 * seen - 100 - peak).abs() / 255

    for steps, expected in ((1, [0, 3]), (2, [0, 6]), (3, [0, 9]), (4, [0, 9]), (5, [0, 9]), (6, [0, 9])):
        options = free(eps=20, step=3, steps=steps, start="zeros")
        found = Vaccine(options, [Toy(image)])(images, make_generators(range(2)))
        assert found.delta[:, 0, 0, 0].tolist() == expected
        off = (torch.tensor(expected) - peak.flatten()).abs()
        assert torch.allclose(found.loss, (1 - off / 255) ** 2)


def test_the_last_delta_can_be_the_best():
    images = torch.full((1, 3, 2, 2), 100, dtype=torch.uint8)
    options = free(step=1, steps=5, start="zeros")
    found = Vaccine(options, [Toy(lambda seen: 2 * seen)])(images, make_generators(range(1)))
    assert (found.delta == 5).all()
    assert torch.allclose(found.loss, torch.tensor([(105 / 255) ** 2]))


def test_fractions_of_a_level_add_up():
    images = torch.full((1, 3, 2, 2), 100, dtype=torch.uint8)
    options = free(step=0.3, steps=10, start="zeros")
    found = Vaccine(options, [Toy(lambda seen: 2 * seen)])(images, make_generators(range(1)))
    assert (found.delta == 3).all()


def test_a_uniform_start_is_the_noise_of_the_same_generators():
    images = draw_images()
    noise = Vaccine(free("noise"))(images, make_generators(range(4)))
    idle = Toy(lambda seen: seen)
    with pytest.warns(UserWarning, match="on 4 of 4"):
        found = Vaccine(free(steps=2), [idle])(images, make_generators(range(4)))
    assert torch.equal(found.delta, noise.delta)


@pytest.mark.parametrize(
    ("weights", "signs", "loss"),
    [
        (None, [1, 1, -1], 1 / 2 * 13**2 + 1 / 2 * 2**2),
        ([1, 9], [-1, -1, -1], 0),
        ([6, 2], [1, 1, -1], 0),
    ],
)
def test_several_removers_pull_by_their_weights(weights, signs, loss):
    images = draw_images(2, low=50, high=200)
    pull = torch.tensor([5.0, 5.0, -5.0]).view(1, 3, 1, 1)
    one, other = Toy(lambda seen: seen + 8 * pull / 255), Toy(lambda seen: seen - 3 * 5 / 255)
    options = free(reference="original", steps=10, mask_bonus=0)
    found = Vaccine(options, [one, other], weights)(images, make_generators(range(2)))
    first, second = (weight / sum(weights or [1, 1]) for weight in (weights or [1, 1]))
    expected, squares = [], []
    for channel in range(3):

        def worth(delta, c=channel):
            return first * (delta + 8 * pull[0, c].item()) ** 2 + second * (delta - 15) ** 2

        expected.append(max((-8, 8), key=worth))
        squares.append(worth(expected[-1]))
    assert expected == [8 * sign for sign in signs]
    assert torch.equal(found.delta, away(images, torch.tensor(signs).view(1, 3, 1, 1)))
    assert torch.allclose(found.loss, torch.full((2,), sum(squares) / 3 / 255**2))


class TestTheIdentityAttractor:
    """A remover that does nothing earns eps^2 from the paper's objective, and nothing from ours."""

    images = draw_images(3, low=20, high=230)
    idle = Toy(lambda seen: seen)

    def test_the_paper_s_reference_counts_delta_as_damage(self):
        options = free(reference="original", mask_bonus=0, steps=20)
        found = Vaccine(options, [self.idle])(self.images, make_generators(range(3)))
        start = Vaccine(free("noise"))(self.images, make_generators(range(3))).delta
        assert torch.equal(found.delta, 8 * start.sign())  # outwards from wherever it began
        assert torch.allclose(found.loss, EPS2 * (start != 0).float().mean((1, 2, 3)))

    def test_the_protected_image_does_not(self):
        with pytest.warns(UserWarning, match="on 3 of 3"):
            found = Vaccine(free(steps=20), [self.idle])(self.images, make_generators(range(3)))
        assert (found.loss == 0).all()
        assert (found.flat == 1).all()

    def test_the_reference_moves_with_delta(self):
        """What a remover adds whatever it sees has no slope; a reference held still would credit delta for it."""
        adds = Toy(lambda seen: seen + 0.25)
        with pytest.warns(UserWarning, match="on 3 of 3"):
            found = Vaccine(free(steps=5), [adds])(self.images, make_generators(range(3)))
        assert (found.flat == 1).all()
        assert torch.allclose(found.loss, torch.full((3,), 0.25**2))


class TestTheSureRemover:
    """A mask below 1e-9 leaves every value as it is, to the last bit of a float."""

    images = draw_images(3, low=20)
    sure = Small(bias=-4.5)

    def test_it_is_sure(self):
        assert self.sure(self.images / 255).mask.amax() < 1e-9

    def test_the_paper_s_start_stays_where_it_is(self):
        options = free(steps=5, start=PAPER.start, reference=PAPER.reference, mask_bonus=PAPER.mask_bonus)
        with pytest.warns(UserWarning, match="on 3 of 3"):
            found = Vaccine(options, [self.sure])(self.images, make_generators(range(3)))
        assert not found.delta.any()

    def test_the_bonus_leads_away(self):
        found = Vaccine(free(steps=20), [self.sure])(self.images, make_generators(range(3)))
        before, after = (
            self.sure(images / 255).mask.log().mean((1, 2, 3)) for images in (self.images, found.protected)
        )
        assert (found.flat < 0.5).all()
        assert (after > before + 0.1).all()
