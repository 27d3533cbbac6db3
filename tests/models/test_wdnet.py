"""WDNet against a second, functional reading of its description under the published names, and pinned counts."""

import pytest
import torch
from torch.nn.functional import batch_norm, conv2d, interpolate, leaky_relu, max_pool2d

from miad.errors import InputError
from miad.models.removers import WDNet, load_public

from .published import published


@pytest.fixture(scope="module")
def state():
    return published("wdnet")


def reference(state, x):
    """Written from the description, with nothing of the module's."""

    def conv(name, y, **options):
        return conv2d(y, state[f"{name}.weight"], state[f"{name}.bias"], **options)

    def norm(name, y):
        names = ("running_mean", "running_var", "weight", "bias")
        return batch_norm(y, *(state[f"{name}.{part}"] for part in names), eps=1e-5)

    def double(name, y):
        for index in (0, 3):
            y = norm(f"{name}.double_conv.{index + 1}", conv(f"{name}.double_conv.{index}", y, padding=1)).relu()
        return y

    def activated(name, y, index):
        return conv(f"{name}.{index + 2}", leaky_relu(norm(f"{name}.{index}", y), 0.2), padding=1)

    x1 = double("inc", x)
    x2 = double("down1.maxpool_conv.1", max_pool2d(x1, 2))
    x3 = double("down2.maxpool_conv.1", max_pool2d(x2, 2))
    x4 = double("down3.maxpool_conv.1", max_pool2d(x3, 2))
    x5 = double("down4.maxpool_conv.1", max_pool2d(x4, 2))
    for index, reach in ((0, 2), (3, 4), (6, 6)):
        x5 = leaky_relu(
            norm(f"dilation.{index + 1}", conv(f"dilation.{index}", x5, padding=reach, dilation=reach)), 0.2
        )
    y = x5
    for number, skip in enumerate((x4, x3, x2, x1), 1):
        larger = interpolate(y, scale_factor=2, mode="bilinear", align_corners=True)
        y = double(f"up{number}.conv", torch.cat([skip, larger], 1))
    w, a0, m, f = (conv(f"{name}.conv", y).sigmoid() for name in ("outw", "outa", "out_mask", "other"))
    a = m * a0
    j1 = ((x - a * w) / (1 - a + 1e-6)).clamp(0, 1)
    p1 = conv("post_process_1.0", torch.cat([f, j1, x], 1), padding=1)
    p1 = conv("post_process_1.3", leaky_relu(norm("post_process_1.1", p1), 0.2), padding=1)
    p2 = activated("post_process_2", p1, 0)
    p3 = activated("post_process_3", p1 + p2, 0)
    p4 = activated("post_process_4", p2 + p3, 0)
    j2 = activated("post_process_5", p4 + p3, 0).sigmoid()
    return j2 * m + (1 - m) * x, m, a, w, j1


def images(*shape):
    return torch.rand(shape, generator=torch.Generator().manual_seed(1))


def test_published_weights_give_what_the_description_says(state):
    x = images(2, 3, 48, 64)
    with torch.no_grad():
        found = load_public("wdnet", state)(x)
        image, mask, alpha, mark, coarse = reference(state, x)
    assert mask.std() > 1e-3
    for ours, theirs in (
        (found.image, image),
        (found.mask, mask),
        (found.aux["alpha"], alpha),
        (found.aux["mark"], mark),
        (found.aux["coarse"], coarse),
    ):
        assert torch.allclose(ours, theirs, atol=1e-4)


def test_the_published_width_has_the_published_counts():
    network = WDNet()
    assert sum(parameter.numel() for parameter in network.parameters()) == 21_043_848
    assert len(network.state_dict()) == 192
    assert sum(buffer.numel() for buffer in network.buffers()) == 12_186
    parts = dict.fromkeys((*network.encoder, *network.bottleneck, *network.decoder), 0)
    for name, parameter in network.named_parameters():
        parts[name.partition(".")[0]] += parameter.numel()
    assert sum(parts[name] for name in network.encoder) == 9_410_880
    assert sum(parts[name] for name in network.bottleneck) == 7_082_496
    assert sum(parts[name] for name in network.decoder) == 4_550_472


def test_names_behind_a_wrapper_are_read(state):
    wrapped = {f"module.{key}": value for key, value in state.items()}
    x = images(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(load_public("wdnet", wrapped)(x).image, load_public("wdnet", state)(x).image)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state.pop("outa.conv.bias"), r"found 191: outa\.conv\.bias is missing \(1 such\)"),
        (lambda state: state.update(new=torch.zeros(1)), r"found 193: new is not its own \(1 such\)"),
        (
            lambda state: state.update({"outa.conv.bias": torch.zeros(2)}),
            r"expected outa\.conv\.bias of \(1,\), found \(2,\)",
        ),
        (lambda state: state.clear(), r"found 0: inc\.double_conv\.0\.weight is missing \(192 such\)"),
    ],
)
def test_another_network_s_weights_are_refused(state, change, words):
    spoilt = dict(state)
    change(spoilt)
    with pytest.raises(InputError, match=words):
        load_public("wdnet", spoilt)


def test_an_unknown_remover_is_refused(state):
    with pytest.raises(InputError, match="expected a remover of wdnet, splitnet, bvmr, slbr, found 'eraser'"):
        load_public("eraser", state)


@pytest.mark.parametrize("shape", [(32, 32), (48, 80), (33, 70), (17, 17), (20, 100)])
def test_images_of_any_size_are_answered_in_their_own(shape):
    found = WDNet(4).eval()(images(2, 3, *shape))
    assert found.image.shape == (2, 3, *shape)
    assert found.mask.shape == (2, 1, *shape)
    assert {part.shape[-2:] for part in found.aux.values()} == {shape}


def test_images_that_fit_are_not_padded():
    network, x = WDNet(4).eval(), images(1, 3, 32, 48)
    assert torch.equal(network(x).image, network.remove(x.contiguous(memory_format=torch.channels_last)).image)


def test_images_too_small_to_be_reflected_are_refused():
    with pytest.raises(InputError, match="expected images of 17 pixels a side or more, found 40x16"):
        WDNet(4)(images(1, 3, 16, 40))


def test_every_decoder_weight_learns_from_the_image_alone():
    """MIAD-MARK's eq. 2 is a loss of the image only."""
    torch.manual_seed(0)
    network, x = WDNet(4), images(2, 3, 32, 32)
    (network(x).image - 0.5).square().mean().backward()
    trained = {
        name for name, parameter in network.named_parameters() if parameter.grad is not None and parameter.grad.any()
    }
    wanted = {name for name, _ in network.named_parameters() if name.startswith(network.decoder)}
    # A bias before a batch norm is taken off again: its gradient is rounding.
    assert {name for name in wanted - trained if not name.endswith("bias")} == set()
