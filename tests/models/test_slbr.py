"""SLBR against a second, functional reading of its description under the published names, and pinned counts."""

import pytest
import torch
from torch.nn.functional import (
    batch_norm,
    conv1d,
    conv2d,
    instance_norm,
    interpolate,
    leaky_relu,
    max_pool2d,
)
from torch.utils.flop_counter import FlopCounterMode

from miad.errors import InputError
from miad.models.removers import SLBR, load_public

from .published import published


@pytest.fixture(scope="module")
def state():
    return published("slbr")


def larger(x, factor=2):
    return interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)


class Reference:
    """Written from the description, with nothing of the module's."""

    def __init__(self, state):
        self.state = state

    def conv(self, name, x, reach=1):
        """Of the input's size, whatever the kernel."""
        weight = self.state[f"{name}.weight"]
        return conv2d(x, weight, self.state[f"{name}.bias"], padding=reach * (weight.shape[-1] // 2), dilation=reach)

    def norm(self, name, x):
        """Batch norm where it owns keys, else instance norm."""
        if f"{name}.weight" not in self.state:
            return instance_norm(x)
        return batch_norm(
            x, *(self.state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
        )

    def eca(self, name, x):
        return x * conv1d(x.mean((2, 3)).unsqueeze(1), self.state[f"{name}.conv.weight"], padding=1).sigmoid().view(
            *x.shape[:2], 1, 1
        )

    def block(self, name, x, activation, dilations=(1, 1, 1), gate=None):
        x = activation(self.norm(f"{name}.norm1", self.conv(f"{name}.conv1", x)))
        for index, reach in enumerate(dilations):
            change = self.norm(f"{name}.bn.{index}", self.conv(f"{name}.conv2.{index}", x, reach))
            if gate is not None and index == 2:
                change = self.eca(gate, change)
            x = activation(change + x)
        return x

    def joined(self, name, x, skip):
        return torch.cat([self.norm(f"{name}.norm0", self.conv(f"{name}.up_conv.1", larger(x))).relu(), skip], 1)

    def mask_level(self, name, x, skip):
        x = self.block(f"{name}.upconv", self.joined(f"{name}.upconv", x, skip), torch.relu)
        primary = self.conv(f"{name}.primary_mask.0", x).sigmoid()
        name = f"{name}.self_calibrated"
        q, k, v = (self.conv(f"{name}.{kind}_conv", x) for kind in "qkv")
        c = x.shape[1]
        y = q
        for centre, inside in enumerate((primary > 0.5, primary <= 0.5)):
            own = slice(centre * c, (centre + 1) * c)
            area = inside.sum((2, 3), keepdim=True).clamp(min=100)
            key, value = ((part[:, own] * inside).sum((2, 3), keepdim=True) / area for part in (k, v))
            y = y + value * self.conv(f"{name}.sim_func", torch.cat([q.tanh(), key.tanh().expand_as(q)], 1))
        y = self.conv(f"{name}.out_conv.0", y).relu()
        return x, primary, self.conv(f"{name}.out_conv.2", y).sigmoid()

    def image_level(self, name, x, skip, mask):
        x = instance_norm(self.conv(f"{name}.conv1", self.joined(name, x, skip))).relu()
        half = x.shape[1] // 2
        for index in range(3):
            gate = self.conv(f"{name}.conv2.{index}.0", torch.cat([x[:, :half], mask], 1)).relu()
            gate = self.conv(f"{name}.conv2.{index}.2", gate).sigmoid()
            x = (instance_norm(self.conv(f"{name}.conv3.{index}", x[:, half:])) * gate + x).relu()
        return x

    def coarse(self, x):
        e = []
        for level in range(3):
            e.append(self.block(f"encoder.down_convs.{level}", max_pool2d(e[-1], 2) if e else x, torch.relu))
        name, wide = "shared_decoder", (1, 2, 5)
        skip = self.block(f"{name}.down_convs.0", max_pool2d(e[2], 2), torch.relu, wide)
        deepest = self.block(f"{name}.down_convs.1", max_pool2d(skip, 2), torch.relu, wide)
        start = self.joined(f"{name}.up_convs.0", deepest, skip)
        image, features = (
            self.block(f"{name}.up_convs.0", start, torch.relu, wide, f"{name}.up_{kind}_atts.0")
            for kind in ("im", "mask")
        )
        masks, decoded = [], []
        name = "coarse_decoder"
        for level in range(3):
            skips = [self.eca(f"{name}.atts_{kind}.{level}", e[2 - level]) for kind in ("bg", "mask")]
            features, *two = self.mask_level(f"{name}.up_convs_mask.{level}", features, skips[1])
            image = self.image_level(f"{name}.up_convs_bg.{level}", image, skips[0], two[1])
            masks, decoded = [two, *masks], [image, *decoded]
        return (self.conv(f"{name}.conv_final_bg", image).tanh() + x).clamp(0, 1), masks, decoded

    def chain(self, name, x, *indices):
        for index in indices:
            x = leaky_relu(self.conv(f"{name}.{index}", x), 0.01)
        return x

    def levels(self, name, one, two, three):
        found = []
        for level, extra in enumerate((one, two, three), 1):
            x = max_pool2d(found[-1], 2) + extra if found else extra
            found.append(self.block(f"{name}.down{level}.model", x, lambda y: leaky_relu(y, 0.01)))
        return found

    def refined(self, coarse, mask, decoded):
        name = "refinement"
        one = self.chain(f"{name}.conv_in", torch.cat([coarse, mask], 1), 0)
        one = one + self.chain(f"{name}.dec_conv2", decoded[0], 0)
        two, three = (self.chain(f"{name}.dec_conv{n}", part, 0, 2) for n, part in ((3, decoded[1]), (4, decoded[2])))
        a, b, c = self.levels(name, one, two, three)
        for number in range(3):
            cff = f"{name}.cff_blocks.{number}"
            one = a + self.chain(f"{cff}.up31", larger(c, 4), 0)
            two = self.chain(f"{cff}.conv22", b, 0, 2) + self.chain(f"{cff}.up32", larger(c), 0)
            a, b, c = self.levels(cff, one, two, self.chain(f"{cff}.conv33", c, 0, 2))
        x = self.conv(f"{name}.out_conv.0", torch.cat([a, larger(b), larger(c, 4)], 1))
        return self.conv(f"{name}.out_conv.3", leaky_relu(instance_norm(x), 0.01))

    def __call__(self, x):
        coarse, masks, decoded = self.coarse(x)
        mask = masks[0][1]
        refined = (self.refined(coarse, mask, decoded).tanh() + x).clamp(0, 1)
        maps = {"image": refined * mask + x * (1 - mask), "mask": mask, "coarse": coarse, "refined": refined}
        for level, pair in enumerate(masks):
            for kind, part in zip(("primary", "calibrated"), pair, strict=True):
                maps[f"{kind}_{level}"] = larger(part, 2**level) if level else part
        return maps


def images(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def test_published_weights_give_what_the_description_says(state):
    x = images(2, 3, 48, 64)
    with torch.no_grad():
        found = load_public("slbr", state)(x)
        expected = Reference(state)(x)
    ours = {**found.aux, "image": found.image, "mask": found.mask}
    assert ours.keys() == expected.keys()
    for name, part in ours.items():
        assert part.std() > 1e-2, name
        assert torch.allclose(part, expected[name], atol=2e-3), name


def test_the_published_width_has_the_published_counts():
    network = SLBR()
    named = {name: parameter.numel() for name, parameter in network.named_parameters()}
    assert sum(named.values()) == 21_390_953
    assert len(network.state_dict()) == 490
    assert sum(buffer.numel() for buffer in network.buffers()) == 4_059

    def count(*prefixes):
        starts = tuple(f"{prefix}." for prefix in prefixes)
        return sum(number for name, number in named.items() if name.startswith(starts))

    assert count("downs") == 676_320
    assert count(*network.bottleneck) == 14_455_046
    assert count("masks", "images", "last") == 2_768_000
    assert count("refiner") == 3_491_587
    assert count(*network.encoder) == 676_320 + 684_064
    assert count(*network.encoder, *network.bottleneck, *network.decoder) == 21_390_953
    assert count(*network.idle) == 460


@pytest.mark.parametrize(("side", "cost"), [(224, 134.5), (256, 175.6)])
def test_an_image_costs_what_was_measured_of_the_original(side, cost):
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        SLBR()(torch.empty(1, 3, side, side))
    assert counter.get_total_flops() / 1e9 == pytest.approx(cost, abs=0.05)


def test_names_with_a_wrapper_behind_their_first_part_are_read(state):
    wrapped = {key.replace(".", ".module.", 1): value for key, value in state.items()}
    x = images(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(load_public("slbr", wrapped)(x).image, load_public("slbr", state)(x).image)


def test_a_loss_of_the_image_moves_all_but_the_idle_parts():
    torch.manual_seed(0)
    network = SLBR(16)
    (network(images(2, 3, 32, 48)).image - 0.5).square().mean().backward()
    idle = tuple(f"{prefix}." for prefix in network.idle)
    for name, parameter in network.named_parameters():
        assert (parameter.grad is None) == name.startswith(idle), name
        # A bias before a norm is taken off again: its gradient is rounding.
        assert parameter.grad is None or name.endswith("bias") or parameter.grad.any(), name


def test_no_answer_depends_on_the_unused_weights(state):
    others = {
        key: value + 1 if key.endswith("k_weight") or "refine_branch" in key else value for key, value in state.items()
    }
    x = images(1, 3, 32, 32)
    with torch.no_grad():
        found, again = (load_public("slbr", weights)(x) for weights in (state, others))
    assert torch.equal(found.image, again.image)
    assert all(torch.equal(part, again.aux[name]) for name, part in found.aux.items())


@pytest.mark.parametrize("shape", [(32, 32), (48, 80), (33, 70), (17, 17)])
@pytest.mark.parametrize("base_channels", [4, 8])
def test_images_of_any_size_are_answered_in_their_own(base_channels, shape):
    found = SLBR(base_channels).eval()(images(2, 3, *shape))
    assert found.image.shape == (2, 3, *shape)
    assert {part.shape[-2:] for part in (found.mask, *found.aux.values())} == {shape}
    assert torch.equal(found.mask, found.aux["calibrated_0"])


def test_an_odd_width_is_refused():
    with pytest.raises(InputError, match="expected an even base_channels, found 5"):
        SLBR(5)


def test_all_maps_are_from_0_to_1(state):
    with torch.no_grad():
        found = load_public("slbr", state)(images(1, 3, 32, 32))
    for part in (found.image, found.mask, *found.aux.values()):
        assert 0 <= part.min() <= part.max() <= 1


def test_another_network_s_weights_are_refused(state):
    with pytest.raises(InputError, match=r"expected the 371 tensors of bvmr, found 490: \S+ is missing"):
        load_public("bvmr", state)
