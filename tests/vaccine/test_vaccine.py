"""What holds for every delta, and what is left behind: nothing."""

import warnings
from contextlib import nullcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from miad.errors import InputError
from miad.models.removers import SplitNet, WDNet
from miad.vaccine import PAPER, Vaccine

from .toys import Small, Toy, draw_images, free, make_generators, nothing

KINDS = ["none", "noise", "delta_d", "delta_i"]


@st.composite
def pixels(draw):
    """Random images, black and white ones, and ones near the ends of the range."""
    low, high = draw(st.sampled_from([(0, 256), (0, 1), (255, 256), (0, 9), (247, 256)]))
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    return draw_images(draw(st.integers(1, 3)), shape, low, high, draw(st.integers(0, 99)))


@settings(max_examples=150, deadline=None)
@given(
    images=pixels(),
    kind=st.sampled_from(KINDS),
    eps=st.sampled_from([1, 2, 8, 127]),
    step=st.sampled_from([0.3, 1.5, 2.0, 300.0]),
    start=st.sampled_from(["uniform", "zeros"]),
    grey=st.booleans(),
    with_lesions=st.booleans(),
)
def test_delta_keeps_to_its_bounds_in_the_pixels_that_are_written(images, kind, eps, step, start, grey, with_lesions):
    if grey:
        images = images[:, :1].repeat(1, 3, 1, 1)
    lesions = (images[:, 0] + torch.arange(images.shape[-1])) % 3 == 0
    vaccine = Vaccine(free(kind, eps, step, 3, start), [Small()])
    found = vaccine(images, make_generators(range(len(images))), lesions if with_lesions else None, grey=grey)
    assert found.protected.dtype == torch.uint8
    assert found.delta.dtype == torch.int8
    assert torch.equal(found.protected.int(), images.int() + found.delta.int())
    assert found.delta.int().abs().amax() <= eps
    if with_lesions:
        assert not found.delta.movedim(1, -1)[lesions].any()
    if grey:
        assert torch.equal(found.delta, found.delta[:, :1].expand_as(found.delta))


@pytest.mark.parametrize("options", [free(steps=6), free(steps=6, reference="original"), PAPER])
@pytest.mark.parametrize("kind", ["delta_d", "delta_i"])
@pytest.mark.parametrize("make", [lambda: WDNet(4), lambda: SplitNet(4), Small], ids=["wdnet", "splitnet", "small"])
def test_delta_d_harms_more_and_delta_i_less_than_noise_or_nothing(make, kind, options):
    torch.manual_seed(5)
    remover = make().eval()
    images, generators = draw_images(3, (32, 32), low=60, high=190), make_generators(range(3))
    noisy = Vaccine(free("noise"))(images, make_generators(range(3))).protected
    options = free(kind, 8, 2.0, 6, options.start, options.reference, mask_term=options.mask_term)
    vaccine = Vaccine(options, [remover])
    found = vaccine(images, generators)

    def loss(protected):
        """Once more, from the pixels alone."""
        with torch.no_grad():
            removal = remover(protected.float() / 255)
        reference = (images if options.reference == "original" else protected).double() / 255
        squares = (removal.image - reference).square().mean((1, 2, 3))
        mask = removal.mask.double()
        if kind == "delta_d":
            return squares + 0.01 * mask.log().mean((1, 2, 3))
        seen = mask.square() if options.mask_term == "squared" else -(1 - mask).log()
        return 2 * squares + seen.mean((1, 2, 3))

    assert torch.allclose(found.loss.double(), loss(found.protected), rtol=1e-4, atol=1e-7)
    sign = 1 if kind == "delta_d" else -1
    assert (sign * loss(found.protected) > sign * loss(images)).all()
    assert (sign * loss(found.protected) > sign * loss(noisy)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_no_image_s_delta_knows_of_the_batch(kind):
    images = draw_images(5)
    lesions = images[:, 0] > 200
    vaccine = Vaccine(free(kind, step=1.5, steps=4), [Toy(lambda seen: (3 * seen).sin(), nothing)])
    together = vaccine(images, make_generators(range(5)), lesions)
    for chosen in ([2], [4, 0], [3, 2, 1, 0]):
        part = vaccine(images[chosen], make_generators(chosen), lesions[chosen])
        for name in ("protected", "delta", "loss", "flat"):
            assert torch.equal(getattr(part, name).nan_to_num(), getattr(together, name)[chosen].nan_to_num())


@pytest.mark.parametrize("mode", ["plain", "no_grad", "inference", "autocast"])
def test_the_mode_around_changes_nothing(mode):
    images = draw_images(2, (32, 32))
    vaccine = Vaccine(free(steps=2), [WDNet(4).eval()])
    expected = vaccine(images, make_generators(range(2)))
    around = {
        "plain": torch.enable_grad,
        "no_grad": torch.no_grad,
        "inference": torch.inference_mode,
        "autocast": lambda: torch.autocast("cpu", torch.bfloat16),
    }[mode]
    with around():
        found = vaccine(images.clone(), make_generators(range(2)))
    assert torch.equal(found.protected, expected.protected)
    assert torch.equal(found.loss, expected.loss)


@pytest.mark.parametrize("fails", [False, True])
def test_removers_are_left_as_they_were_found(fails):
    remover = Small()
    remover.made.weight.requires_grad = False
    remover.norm.bias.requires_grad = False
    wanting = [parameter.requires_grad for parameter in remover.parameters()]
    before = {name: value.clone() for name, value in remover.state_dict().items()}
    broken = Toy(lambda seen: seen @ torch.ones(1, 1))
    with pytest.raises(RuntimeError, match="first two dimensions") if fails else nullcontext():
        Vaccine(free(steps=2), [remover, broken][: 1 + fails])(draw_images(), make_generators(range(4)))
    assert [parameter.requires_grad for parameter in remover.parameters()] == wanting
    assert all(parameter.grad is None for parameter in remover.parameters())
    assert not any(module.training for module in remover.modules())
    assert all(torch.equal(value, before[name]) for name, value in remover.state_dict().items())


def test_no_gradient_of_a_weight_is_computed():
    asked = []
    remover = Small()
    remover.made.register_forward_hook(lambda *_: asked.append(remover.made.weight.requires_grad))
    Vaccine(free(steps=2), [remover])(draw_images(), make_generators(range(4)))
    assert asked == [False] * 3


def test_images_are_left_as_they_were():
    images = draw_images()
    before = images.clone()
    Vaccine(free(steps=2), [Small()])(images, make_generators(range(4)))
    assert torch.equal(images, before)


@pytest.mark.parametrize("part", ["norm", "whole"])
def test_a_remover_in_training_is_refused(part):
    remover = Small()
    (remover.norm if part == "norm" else remover).train()
    vaccine = Vaccine(free(steps=1), [Small(), remover])
    with pytest.raises(InputError, match=r"^expected removers in evaluation mode, found Small in .*; call \.eval\(\)"):
        vaccine(draw_images(), make_generators(range(4)))


def test_a_delta_without_removers_is_refused():
    with pytest.raises(InputError, match="expected at least one remover for delta_i, found none"):
        Vaccine(free("delta_i"))


@pytest.mark.parametrize("weights", [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0, float("nan")], [1.0, 1.0, 1.0]])
def test_weights_that_do_not_fit_are_refused(weights):
    with pytest.raises(InputError, match="expected 2 weights above 0, one a remover, found"):
        Vaccine(free(), [Small(), Small()], weights)


def test_a_remover_whose_answers_are_not_numbers_is_refused():
    vaccine = Vaccine(free(steps=2), [Toy(lambda seen: seen / 0 * 0)])
    with pytest.raises(InputError, match="expected finite answers of the removers, found values that are not numbers"):
        vaccine(draw_images(), make_generators(range(4)))


def test_a_remover_that_does_not_react_is_warned_of_once():
    bright = draw_images(3, low=200)
    images = torch.cat([draw_images(2, high=100), bright])
    lazy = Toy(lambda seen: seen + (seen - 0.6).relu())
    with pytest.warns(UserWarning, match="over 99% of the gradient is exactly 0 on 2 of 5 images; take") as warned:
        found = Vaccine(free(steps=3), [lazy])(images, make_generators(range(5)))
    assert len(warned) == 1
    assert "\n" not in str(warned[0].message)
    assert found.flat.tolist() == pytest.approx([1, 1, 0, 0, 0], abs=0.1)


def test_slopes_that_are_not_numbers_count_as_none():
    images = draw_images()
    with pytest.warns(UserWarning, match="on 4 of 4 images"):
        found = Vaccine(free(steps=2, start="zeros"), [Toy(lambda seen: (0 * seen).sqrt())])(
            images, make_generators(range(4))
        )
    assert torch.equal(found.protected, images)
    assert found.loss.isfinite().all()


def test_a_remover_that_reacts_is_not_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Vaccine(free(steps=2), [Small()])(draw_images(), make_generators(range(4)))
    assert (found.flat < 0.01).all()
