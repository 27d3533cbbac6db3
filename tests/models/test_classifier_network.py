"""The preprocessing inside a classifier against timm fed by hand; losses against their formulas."""

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from torch.nn.functional import cross_entropy

from miad.errors import InputError
from miad.models import Classifier, classification_loss

CLASSES = ("x", "y", "z")
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
HALVES = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


@pytest.fixture
def images():
    return torch.randint(0, 256, (2, 3, 48, 40), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


@pytest.fixture
def focal_batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, 3, generator=generator), torch.tensor([0, 1, 2, 0, 1, 2])


def normalised_by_hand(images, size, mean, std):
    """Pillow resizes each channel; then (x / 255 - mean) / std."""
    channels = images.float().numpy().reshape(-1, *images.shape[-2:])
    resized = np.stack([np.array(Image.fromarray(one).resize((size, size), Image.BILINEAR)) for one in channels])
    pixels = torch.from_numpy(resized).view(len(images), 3, size, size) / 255
    return (pixels - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


@pytest.mark.parametrize(
    ("backbone", "size", "numbers"),
    [("test_efficientnet", 32, IMAGENET), ("test_resnet.r160_in1k", 64, HALVES), ("test_vit", 48, HALVES)],
)
def test_a_network_reads_images_as_its_backbone_was_made_for(images, backbone, size, numbers):
    torch.manual_seed(0)
    network = Classifier(backbone, CLASSES, size).eval()
    prepared = normalised_by_hand(images, size, **numbers)
    torch.testing.assert_close(network.preprocess(images), prepared, atol=1e-4, rtol=0)
    torch.testing.assert_close(network(images), network.backbone(prepared), atol=1e-3, rtol=1e-3)
    assert network(images).shape == (2, len(CLASSES))


def test_images_of_the_networks_size_are_only_normalised(images):
    squares = images[..., :32, :32]
    mean, std = (torch.tensor(IMAGENET[name]).view(3, 1, 1) for name in ("mean", "std"))
    prepared = Classifier("test_efficientnet", CLASSES, 32).preprocess(squares)
    torch.testing.assert_close(prepared, (squares / 255 - mean) / std, atol=1e-5, rtol=0)


def test_a_transformer_is_built_for_the_wanted_size():
    sizes = {size: Classifier("test_vit", CLASSES, size).backbone.pos_embed.shape[1] for size in (32, 64)}
    assert sizes[64] - sizes[32] == (64 // 16) ** 2 - (32 // 16) ** 2


@pytest.mark.parametrize("size", [8, 37])
def test_a_size_that_a_transformer_can_not_read_is_refused_when_built(size):
    with pytest.raises(InputError, match=rf"\A.*test_vit can not read {size}x{size} pixels.*another size\Z"):
        Classifier("test_vit", CLASSES, size)


@pytest.mark.parametrize(
    ("name", "words"), [("resnet5O", "did you mean resnet50 or .*"), ("zzqqy", r"see timm\.list_models\(\)")]
)
def test_a_wrong_name_is_answered_by_the_nearest_right_ones(name, words):
    with pytest.raises(InputError, match=rf"\Aexpected the name of a timm model, found '{name}'; {words}\Z"):
        Classifier(name, CLASSES, 32)


def test_a_wrong_tag_of_weights_is_refused_in_one_line():
    with pytest.raises(InputError, match=r"\A.*resnet18\.no_such_tag.*\Z"):
        Classifier("resnet18.no_such_tag", CLASSES, 32)


def test_weights_that_can_not_be_had_name_the_way_out(monkeypatch):
    def offline(*_, **__):
        raise OSError("the hub does not answer\nTraceback of many lines")

    monkeypatch.setattr(timm, "create_model", offline)
    words = r"test_resnet \(the hub does not answer\); train from scratch \(pretrained: false\) or .*weights: FILE\)"
    with pytest.raises(InputError, match=rf"\Ano pretrained weights for {words}\Z"):
        Classifier("test_resnet", CLASSES, 32, pretrained=True)


def test_pretrained_is_passed_on_and_off_by_default(monkeypatch):
    asked, create = [], timm.create_model

    def spy(name, *, pretrained, **options):
        asked.append(pretrained)
        return create(name, pretrained=False, **options)

    monkeypatch.setattr(timm, "create_model", spy)
    Classifier("test_resnet", CLASSES, 32)
    Classifier("test_resnet", CLASSES, 32, pretrained=True)
    assert asked == [False, True]


def test_what_is_saved_are_the_backbones_weights_alone():
    network = Classifier("test_resnet", CLASSES, 32)
    assert set(network.state_dict()) == {f"backbone.{name}" for name in network.backbone.state_dict()}


def test_gradients_reach_every_layer(images):
    network = Classifier("test_vit", CLASSES, 32).train()
    network(images).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in network.parameters())


@pytest.mark.parametrize("gamma", [0.0, 2.0, 3.5])
def test_focal_loss_is_its_formula(focal_batch, gamma):
    logits, labels = focal_batch
    right = logits.softmax(1)[range(6), labels]
    expected = (-((1 - right) ** gamma) * right.log()).mean()
    torch.testing.assert_close(classification_loss("focal", gamma)(logits, labels), expected)


def test_cross_entropy_is_the_default_of_torch(focal_batch):
    assert classification_loss("cross_entropy")(*focal_batch) == cross_entropy(*focal_batch)
