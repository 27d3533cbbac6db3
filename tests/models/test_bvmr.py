"""BVMR against a second, functional reading of its description under the published names, and pinned counts."""

import pytest
import torch
from torch.nn.functional import batch_norm, conv2d, conv_transpose2d, max_pool2d
from torch.utils.flop_counter import FlopCounterMode

from miad.errors import InputError
from miad.models.removers import BVMR, load_public

from .published import published


@pytest.fixture(scope="module")
def state():
    return published("bvmr", scale=0.037)


class Reference:
    """Written from the description, with nothing of the module's."""

    def __init__(self, state):
        self.state = state

    def conv(self, name, x, **options):
        return conv2d(x, self.state[f"{name}.weight"], self.state[f"{name}.bias"], **options)

    def block(self, name, x):
        x = self.conv(f"{name}.conv1", x, padding=1).relu()
        for index in range(3):
            names = (f"{name}.bn.{index}.{part}" for part in ("running_mean", "running_var", "weight", "bias"))
            change = self.conv(f"{name}.conv2.{index}", x, padding=1)
            x = (batch_norm(change, *(self.state[part] for part in names)) + x).relu()
        return x

    def up(self, name, x, skip):
        weight, bias = self.state[f"{name}.up_conv.weight"], self.state[f"{name}.up_conv.bias"]
        x = conv_transpose2d(x, weight, bias, stride=2).relu()
        return self.block(name, torch.cat([x, skip], 1))

    def ups(self, name, x, *skips):
        for index, skip in enumerate(skips):
            x = self.up(f"{name}.up_convs.{index}", x, skip)
        return x

    def __call__(self, x):
        e = []
        for level in range(5):
            e.append(self.block(f"encoder.down_convs.{level}", max_pool2d(e[-1], 2) if e else 2 * x - 1))
        shared = self.ups("shared_decoder", e[4], e[3], e[2])
        image, mark = (
            self.conv(f"{kind}_decoder.conv_final", self.ups(f"{kind}_decoder", shared, e[1], e[0])).tanh()
            for kind in ("image", "vm")
        )
        mask = self.ups("mask_decoder", e[4], e[3], e[2], e[1], e[0])
        mask = self.conv("mask_decoder.conv_final", mask).sigmoid()
        whole = image * mask + (2 * x - 1) * (1 - mask)
        return (whole + 1) / 2, mask, (mark + 1) / 2, (image + 1) / 2


def images(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def test_published_weights_give_what_the_description_says(state):
    x = images(2, 3, 48, 64)
    with torch.no_grad():
        found = load_public("bvmr", state)(x)
        image, mask, mark, refined = Reference(state)(x)
    assert min(part.std() for part in (mask, mark, refined)) > 1e-3
    assert found.aux.keys() == {"mark", "refined"}
    for ours, theirs in (
        (found.image, image),
        (found.mask, mask),
        (found.aux["mark"], mark),
        (found.aux["refined"], refined),
    ):
        assert torch.allclose(ours, theirs, atol=1e-4)


def test_the_published_width_has_the_published_counts():
    network = BVMR()
    named = {name: parameter.numel() for name, parameter in network.named_parameters()}
    assert sum(named.values()) == 20_514_919
    assert len(network.state_dict()) == 371
    assert sum(buffer.numel() for buffer in network.buffers()) == 12_333

    def count(*prefixes):
        starts = tuple(f"{prefix}." for prefix in prefixes)
        return sum(number for name, number in named.items() if name.startswith(starts))

    assert count(*network.encoder) == 11_005_472
    assert count(*network.decoder) == 9_509_447
    assert count("shared") == 4_345_984
    assert count("branches.mask") == 4_618_433
    assert count(*network.idle) == 272_515


@pytest.mark.parametrize(("side", "cost"), [(224, 64.1), (256, 83.8)])
def test_an_image_costs_what_was_measured_of_the_original(side, cost):
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        BVMR()(torch.empty(1, 3, side, side))
    assert counter.get_total_flops() / 1e9 == pytest.approx(cost, abs=0.05)


def test_the_image_is_its_own_wherever_the_mask_is_empty(state):
    unmasked = {**state, "mask_decoder.conv_final.bias": torch.tensor([-1e6])}
    x = images(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(load_public("bvmr", unmasked)(x).image, x)


def test_a_loss_of_the_image_moves_all_but_the_idle_parts():
    torch.manual_seed(0)
    network = BVMR(8)
    (network(images(2, 3, 32, 32)).image - 0.5).square().mean().backward()
    idle = tuple(f"{prefix}." for prefix in network.idle)
    for name, parameter in network.named_parameters():
        assert (parameter.grad is None) == name.startswith(idle), name
        # A bias before a batch norm is taken off again: its gradient is rounding.
        assert parameter.grad is None or name.endswith("bias") or parameter.grad.any(), name


@pytest.mark.parametrize("shape", [(32, 32), (48, 80), (33, 70), (17, 17)])
@pytest.mark.parametrize("base_channels", [1, 4])
def test_images_of_any_size_are_answered_in_their_own(base_channels, shape):
    found = BVMR(base_channels).eval()(images(2, 3, *shape))
    assert found.image.shape == (2, 3, *shape)
    assert {part.shape[-2:] for part in (found.mask, *found.aux.values())} == {shape}


def test_all_maps_are_from_0_to_1(state):
    with torch.no_grad():
        found = load_public("bvmr", state)(images(1, 3, 32, 32))
    for part in (found.image, found.mask, *found.aux.values()):
        assert 0 <= part.min() <= part.max() <= 1


def test_another_network_s_weights_are_refused(state):
    with pytest.raises(
        InputError, match=r"expected the 457 tensors of splitnet, found 371: encoder\.down_convs\.0\.norm1"
    ):
        load_public("splitnet", state)
