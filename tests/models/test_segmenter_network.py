"""The preprocessing inside a segmenter against smp fed by hand; its losses against their formulas."""

import numpy as np
import pytest
import segmentation_models_pytorch as smp
import timm
import torch

from miad.errors import InputError
from miad.models import Segmenter, segmentation_loss

KINDS = ("haemorrhages", "exudates")
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
HALVES = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
DPN = {"mean": (124 / 255, 117 / 255, 104 / 255), "std": (1 / (0.0167 * 255),) * 3}


@pytest.fixture
def images():
    return torch.randint(0, 256, (2, 3, 64, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def a_network(encoder="tu-test_resnet", size=32, **options):
    torch.manual_seed(0)
    return Segmenter(encoder, KINDS, size, width=16, **options).eval()


@pytest.mark.parametrize(
    ("encoder", "numbers"),
    [("tu-test_efficientnet", IMAGENET), ("tu-test_resnet.r160_in1k", HALVES), ("mobilenet_v2", IMAGENET)],
)
def test_a_network_reads_images_as_its_encoder_was_made_for(images, encoder, numbers):
    network = a_network(encoder)
    mean, std = (torch.tensor(numbers[name]).view(3, 1, 1) for name in ("mean", "std"))
    with torch.no_grad():
        logits, expected = network(images), network.unet((images / 255 - mean) / std)
    torch.testing.assert_close(logits, expected, atol=1e-3, rtol=1e-3)
    assert logits.shape == (2, 2, 64, 32)


@pytest.mark.parametrize(("encoder", "numbers"), [("xception", HALVES), ("inceptionv4", HALVES), ("dpn68", DPN)])
def test_encoders_that_saw_other_numbers_than_imagenets_get_theirs(encoder, numbers, monkeypatch):
    unet = a_network().unet
    monkeypatch.setattr(smp, "UnetPlusPlus", lambda *_, **__: unet)  # the real ones are large
    network = Segmenter(encoder, KINDS, 32)
    for name in ("mean", "std"):
        assert getattr(network, name).flatten().tolist() == pytest.approx([255 * n for n in numbers[name]], rel=1e-4)


def test_an_untrained_network_takes_lesions_for_rare(images):
    with torch.no_grad():
        assert 0.005 < float(a_network()(images).sigmoid().median()) < 0.08


def test_the_width_is_that_of_the_deepest_block_and_halves_upwards():
    blocks = a_network().unet.decoder.blocks
    assert [blocks[f"x_0_{depth}"].conv2[0].out_channels for depth in range(5)] == [16, 8, 4, 2, 1]


@pytest.mark.parametrize(("size", "tile", "expected"), [(64, None, 64), (100, None, 128), (100, 32, 32), (32, 96, 96)])
def test_a_tile_holds_a_whole_image_unless_given(size, tile, expected):
    assert a_network(size=size, tile=tile).tile == expected


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tile": 48}, "a tile that is a multiple of 32, found 48"),
        ({"tile": 0}, "a tile that is a multiple of 32, found 0"),
        ({"width": 24}, "a width that is a multiple of 16, found 24"),
        ({"size": 16}, "size of at least 32, found 16"),
    ],
)
def test_sizes_out_of_range_are_refused_in_one_line(options, words):
    with pytest.raises(InputError, match=rf"\Aexpected {words}\Z"):
        Segmenter(**({"encoder": "tu-test_resnet", "kinds": KINDS, "size": 32} | options))


def test_images_whose_sides_do_not_halve_five_times_are_refused_in_one_line():
    with pytest.raises(InputError, match=r"\Aexpected sides that are multiples of 32 pixels, found 40x64\Z"):
        a_network()(torch.zeros(1, 3, 64, 40, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("resnet5O", "did you mean resnet50 or .*"),
        ("tu-resnet5O", "did you mean tu-resnet50 or .*"),
        ("tu-resnet18.no_such_tag", "did you mean tu-resnet18.*"),
        ("mit_b0", ".*"),  # smp has it, but not for UNet++
        ("zzqqy", "see the encoders of segmentation-models-pytorch"),
    ],
)
def test_a_wrong_name_is_answered_by_the_nearest_right_ones(name, words):
    with pytest.raises(InputError, match=rf"\Aexpected the name of an encoder, found '{name}'; {words}\Z"):
        a_network(name)


def test_an_encoder_that_has_no_five_scales_is_refused_in_one_line():
    with pytest.raises(
        InputError, match=r"\AUNet\+\+ can not be built on tu-vit_tiny_patch16_224 \(.*\); choose an.*\Z"
    ):
        a_network("tu-vit_tiny_patch16_224")


def test_a_transformer_is_built_for_its_tile():
    network = a_network("tu-swin_tiny_patch4_window7_224", tile=64)
    assert network(torch.zeros(1, 3, 64, 64, dtype=torch.uint8)).shape == (1, 2, 64, 64)


@pytest.mark.parametrize(
    ("encoder", "error"),
    [("resnet18", OSError("the hub does not answer\nTraceback of many lines")), ("resnet18", KeyError("no imagenet"))],
)
def test_weights_that_can_not_be_had_name_both_ways_out(monkeypatch, encoder, error):
    def offline(*_, **__):
        raise error

    monkeypatch.setattr(smp, "UnetPlusPlus", offline)
    words = rf"{encoder} \(.*\); train from scratch \(pretrained: false\) or give a local file \(weights: FILE\)"
    with pytest.raises(InputError, match=rf"\Ano pretrained weights for {words}\Z"):
        a_network(encoder, pretrained=True)


@pytest.mark.parametrize(
    ("encoder", "pretrained", "weights"),
    [
        ("resnet18", True, "imagenet"),
        ("resnet18", False, None),
        ("tu-resnet18", True, True),  # a name would be warned about
        ("tu-resnet18", False, None),
    ],
)
def test_pretrained_is_passed_on_as_each_kind_of_encoder_wants_it(monkeypatch, encoder, pretrained, weights):
    asked, unet = [], a_network().unet
    monkeypatch.setattr(smp, "UnetPlusPlus", lambda *_, **options: asked.append(options) or unet)
    a_network(encoder, pretrained=pretrained)
    assert asked[0]["encoder_weights"] == weights


def test_an_encoder_starts_from_published_weights_and_leaves_their_head():
    published = timm.create_model("resnet18", num_classes=7).state_dict()
    state = a_network("resnet18", published=published).unet.encoder.state_dict()
    assert state
    assert all(torch.equal(value, published[name]) for name, value in state.items())


def test_published_weights_of_another_encoder_are_refused_in_one_line():
    published = timm.create_model("test_resnet").state_dict()
    with pytest.raises(InputError, match=r"\Athe weights do not fit resnet18 \(\d+ of \d+ tensors, as .*\); give.*\Z"):
        a_network("resnet18", published=published)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    masks = torch.rand(3, 2, 8, 6, generator=generator) > 0.8
    return torch.randn(3, 2, 8, 6, generator=generator), masks


def by_formulas(name, logits, masks):
    """Dice of each kind over the whole batch, and the mean over all pixels."""
    p, truth = 1 / (1 + np.exp(-logits.double().numpy())), masks.numpy()
    both, either = ((p * truth).sum((0, 2, 3)), (p + truth).sum((0, 2, 3)))
    overlap = np.where(truth.any((0, 2, 3)), 1 - 2 * both / either, 0).mean()  # a kind that is absent has no overlap
    right = np.where(truth, p, 1 - p)
    pixels = (1 - right) ** 2 * -np.log(right) if name == "dice_focal" else -np.log(right)
    return overlap + pixels.mean()


@pytest.mark.parametrize("name", ["dice_focal", "dice_bce"])
@pytest.mark.parametrize("absent", [False, True])
def test_the_loss_is_overlap_and_pixels(batch, name, absent):
    logits, masks = batch
    masks[:, 1] &= not absent
    assert float(segmentation_loss(name)(logits, masks)) == pytest.approx(by_formulas(name, logits, masks), rel=1e-4)


@pytest.mark.parametrize("name", ["dice_focal", "dice_bce"])
def test_the_loss_counts_in_full_precision(batch, name):
    logits, masks = batch
    half = segmentation_loss(name)(logits.bfloat16(), masks)
    assert half.dtype == torch.float32
    assert float(half) == pytest.approx(float(segmentation_loss(name)(logits.bfloat16().float(), masks)))
