"""SplitNet against a second, functional reading of its description under the published names, and pinned counts."""

import pytest
import torch
from torch.nn.functional import (
    avg_pool2d,
    batch_norm,
    conv2d,
    conv_transpose2d,
    elu,
    instance_norm,
    leaky_relu,
    linear,
    max_pool2d,
    pad,
)

from miad.errors import InputError
from miad.models.removers import SplitNet, load_public

from .published import published


@pytest.fixture(scope="module")
def state():
    return published("splitnet")


class Reference:
    """Written from the description, with nothing of the module's."""

    def __init__(self, state):
        self.state = state

    def conv(self, name, x, **options):
        return conv2d(x, self.state[f"{name}.weight"], self.state.get(f"{name}.bias"), **options)

    def norm(self, name, x, eps=1e-5):
        """Batch norm where it owns keys, else instance norm."""
        if f"{name}.weight" not in self.state:
            return instance_norm(x, eps=eps)
        parts = (self.state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        return batch_norm(x, *parts, eps=eps)

    def residual(self, name, x, activation, gate=None):
        for index in range(3):
            change = self.norm(f"{name}.bn.{index}", self.conv(f"{name}.conv2.{index}", x, padding=1))
            if gate is not None and index == 2:
                change = change * self.gate(gate, change.mean((2, 3)))
            x = activation(change + x)
        return x

    def gate(self, name, summary):
        few = linear(summary, self.state[f"{name}.fc.0.weight"], self.state[f"{name}.fc.0.bias"]).relu()
        return linear(few, self.state[f"{name}.fc.2.weight"], self.state[f"{name}.fc.2.bias"]).sigmoid()[
            ..., None, None
        ]

    def down(self, name, x, activation):
        x = activation(self.norm(f"{name}.norm1", self.conv(f"{name}.conv1", x, padding=1)))
        return self.residual(name, x, activation)

    def up(self, name, x, skip, gate=None):
        weight, bias = self.state[f"{name}.up_conv.weight"], self.state[f"{name}.up_conv.bias"]
        x = self.norm(f"{name}.norm0", conv_transpose2d(x, weight, bias, stride=2)).relu()
        x = self.conv(f"{name}.conv1", torch.cat([x, skip], 1), padding=1)
        x = self.norm(f"{name}.norm1", x, eps=float(skip.shape[1])).relu()
        return self.residual(name, x, torch.relu, gate)

    def attention(self, name, x, mask):
        if mask.shape[-1] > x.shape[-1]:
            mask = avg_pool2d(mask, 2, stride=mask.shape[-1] // x.shape[-1]).round()
        kernel = self.state[f"{name}.gaussianMask.weight"]
        inside, outside = (conv2d(pad(m, (2, 2, 2, 2), mode="reflect"), kernel) for m in (mask, 1 - mask))

        def gated(kind):
            return x * self.gate(f"{name}.{kind}_attention", torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1))

        y = gated("spliced")
        for index in (1, 2):
            y = self.conv(f"{name}.connection.rconv{index}", y, padding=1)
            y = elu(self.norm(f"{name}.connection.rbn{index}", y))
        return gated("background") * outside + (y + gated("mixed")) * inside

    def downs(self, names, x, activation):
        found = []
        for name in names:
            found.append(self.down(name, max_pool2d(found[-1], 2) if found else x, activation))
        return found

    def branch(self, kind, gates, e):
        y = self.up("shared_decoder.up_convs.0", e[4], e[3], f"shared_decoder.{gates}.0")
        y = self.up("shared_decoder.up_convs.1", y, e[2], f"shared_decoder.{gates}.1")
        y = self.up(f"{kind}_decoder.up_convs.0", y, e[1])
        y = self.up(f"{kind}_decoder.up_convs.1", y, e[0])
        return self.conv(f"{kind}_decoder.conv_final", y)

    def __call__(self, x):
        e = self.downs([f"encoder.down_convs.{level}" for level in range(5)], x, torch.relu)
        raw = self.branch("image", "im_atts", e).tanh() + x
        mask = self.branch("mask", "mask_atts", e).sigmoid()
        mark = self.branch("vm", "vm_atts", e).tanh() + x
        coarse = raw * mask + x * (1 - mask)
        names = [f"s2am.down{level}.model" for level in range(1, 6)]
        d = self.downs(names, torch.cat([coarse, mask], 1), lambda y: leaky_relu(y, 0.01))
        y = self.up("s2am.up1.model", d[4], d[3])
        for number, skip in ((2, d[2]), (3, d[1]), (4, d[0])):
            y = self.attention(f"s2am.s2am{number}", self.up(f"s2am.up{number}.model", y, skip), mask)
        refined = self.conv("s2am.im", y).tanh() + coarse
        return refined * mask + x * (1 - mask), mask, mark, raw, coarse, refined


def images(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def test_published_weights_give_what_the_description_says(state):
    x = images(2, 3, 48, 64)
    with torch.no_grad():
        found = load_public("splitnet", state)(x)
        image, mask, mark, raw, coarse, refined = Reference(state)(x)
    assert mask.std() > 1e-3
    assert (found.mask - mask).abs().max() < 1e-4
    expected = {"mark": mark, "raw": raw, "coarse": coarse, "refined": refined}
    for name, part in {**found.aux, "image": found.image}.items():
        assert torch.allclose(part, expected.get(name, image), atol=2e-3), name


def test_the_published_width_has_the_published_counts():
    network = SplitNet()
    named = {name: parameter.numel() for name, parameter in network.named_parameters()}
    assert sum(named.values()) == 32_606_396
    assert len(network.state_dict()) == 457
    assert sum(buffer.numel() for buffer in network.buffers()) == 13_231

    def count(prefixes):
        starts = tuple(f"{prefix}." for prefix in prefixes)
        return sum(number for name, number in named.items() if name.startswith(starts))

    assert count(network.encoder) == 11_007_456 + 10_999_808
    assert count(network.decoder) == 10_599_132
    assert count(network.idle) == 282_587


def test_the_smoothing_kernel_is_the_published_one():
    taps = SplitNet(4).refiner.attentions[0].kernel[0, 0].sum(0)
    assert taps.tolist() == pytest.approx([0.1117, 0.2365, 0.3036, 0.2365, 0.1117], abs=1e-4)


def test_normalisation_after_a_join_has_the_published_eps_or_the_usual():
    def eps(network):
        return [network.shared[0].norm.eps, network.branches["mask"].ups[1].norm.eps, network.refiner.ups[0].norm.eps]

    assert eps(SplitNet()) == [256, 32, 256]
    assert eps(SplitNet(4, published_eps=False)) == [1e-5] * 3


def test_a_loss_of_the_image_moves_all_but_the_idle_parts():
    torch.manual_seed(0)
    network = SplitNet(16, published_eps=False)
    (network(images(2, 3, 32, 32)).image - 0.5).square().mean().backward()
    idle = tuple(f"{prefix}." for prefix in network.idle)
    for name, parameter in network.named_parameters():
        assert (parameter.grad is None) == name.startswith(idle), name


@pytest.mark.parametrize("shape", [(32, 32), (48, 80), (33, 70), (17, 17)])
def test_images_of_any_size_are_answered_in_their_own(shape):
    found = SplitNet(4).eval()(images(2, 3, *shape))
    assert found.image.shape == (2, 3, *shape)
    assert {part.shape[-2:] for part in (found.mask, *found.aux.values())} == {shape}


def test_another_network_s_weights_are_refused(state):
    with pytest.raises(InputError, match=r"expected the 192 tensors of wdnet, found 457: inc\.double_conv"):
        load_public("wdnet", state)
