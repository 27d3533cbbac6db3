"""Heatmaps against captum, and what they leave behind: nothing."""

import gc

import pytest
import torch
from captum.attr import LayerGradCam
from torch import nn
from torch.nn.functional import interpolate

from miad.errors import InputError
from miad.lesions import GradCam
from miad.models import Classifier

SMALL = {"resnet10t": 64, "mobilenetv3_small_050": 64, "densenet121": 64, "vgg11_bn": 64, "inception_v3": 128}


def classifier(name="resnet10t", size=64):
    torch.manual_seed(3)
    return Classifier(name, ["a", "b", "c"], size).eval()


def batch(count=3, shape=(48, 56)):
    generator = torch.Generator().manual_seed(4)
    return torch.randint(0, 256, (count, 3, *shape), dtype=torch.uint8, generator=generator), torch.arange(count) % 3


@pytest.mark.parametrize(("name", "size"), SMALL.items())
def test_heatmaps_equal_captum_s(name, size):
    network = classifier(name, size)
    images, labels = batch()
    cam = GradCam(network)
    attribution = LayerGradCam(network, network.backbone.get_submodule(cam.layer))
    expected = attribution.attribute(images.float().requires_grad_(), target=labels, relu_attributions=True).detach()
    expected = interpolate(expected, images.shape[-2:], mode="bilinear")[:, 0]
    low, high = expected.amin((1, 2), keepdim=True), expected.amax((1, 2), keepdim=True)
    expected = (expected - low) / (high - low).clamp(min=1e-12)
    assert torch.allclose(cam(images, labels).heat, expected, atol=1e-3)


def test_each_image_is_read_for_itself():
    images, labels = batch(5)
    cam = GradCam(classifier())
    together = cam(images, labels)
    alone = [cam(images[index : index + 1], labels[index : index + 1]) for index in range(5)]
    assert torch.allclose(together.heat, torch.cat([one.heat for one in alone]), atol=1e-4)
    assert together.correct.tolist() == [bool(one.correct) for one in alone]


def test_it_says_whether_the_classifier_reads_the_label():
    images, labels = batch(6)
    network = classifier()
    assert torch.equal(GradCam(network)(images, labels).correct, network(images).argmax(1) == labels)


@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize("mode", ["plain", "no_grad", "inference"])
def test_the_network_is_left_as_it_was_found(frozen, mode):
    network = classifier().train()
    network.backbone.layer2.eval()
    network.requires_grad_(not frozen)
    flags = [module.training for module in network.modules()]
    before = {name: value.clone() for name, value in network.state_dict().items()}
    cam, (images, labels) = GradCam(network), batch()
    around = {"plain": torch.enable_grad, "no_grad": torch.no_grad, "inference": torch.inference_mode}[mode]
    with around():
        heat = cam(images, labels).heat
    assert heat.amax() == 1
    assert [module.training for module in network.modules()] == flags
    assert all(parameter.grad is None and parameter.requires_grad is not frozen for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_a_hook_does_not_outlive_a_failure():
    network = classifier()
    cam, (images, _) = GradCam(network), batch()
    with pytest.raises(Exception, match="index"):
        cam(images, torch.tensor([0, 1, 7]))
    assert not any(module._forward_hooks for module in network.modules())


def test_no_tensor_outlives_its_call():
    cam, (images, labels) = GradCam(classifier()), batch()

    def alive():
        gc.collect()
        return sum(torch.is_tensor(thing) for thing in gc.get_objects())

    cam(images, labels)
    before = alive()
    for _ in range(20):
        cam(images, labels)
    assert alive() <= before


def test_a_rate_keeps_the_strongest_channels():
    network = classifier()
    images, labels = batch(1)
    cam = GradCam(network, "layer4", rate=1 / 512)
    kept = {}
    handle = network.backbone.layer4.register_forward_hook(lambda _, __, output: kept.update(output=output))
    network.requires_grad_(requires_grad=True)
    logit = network(images)[0, labels[0]]
    handle.remove()
    features = kept["output"]
    (gradient,) = torch.autograd.grad(logit, features)
    weights = gradient[0].mean((1, 2))
    strongest = int(weights.argmax())
    expected = interpolate((weights[strongest] * features[0, strongest]).relu()[None, None], (48, 56), mode="bilinear")[
        0, 0
    ]
    expected = (expected - expected.min()) / (expected.max() - expected.min())
    assert torch.allclose(cam(images, labels).heat[0], expected, atol=1e-4)


def test_a_map_without_contrast_is_zero():
    network = classifier()
    nn.init.zeros_(network.backbone.get_classifier().weight)
    assert not GradCam(network)(*batch()).heat.any()


def test_values_that_are_not_numbers_are_refused():
    network = classifier()
    nn.init.constant_(network.backbone.get_classifier().weight, float("nan"))
    with pytest.raises(InputError, match="expected finite heatmaps of resnet10t"):
        GradCam(network)(*batch())


@pytest.mark.parametrize(("name", "size"), [("vit_tiny_patch16_224", 64), ("swin_tiny_patch4_window7_224", 64)])
def test_a_transformer_has_no_map(name, size):
    with pytest.raises(InputError, match=r"no convolutional feature map .* gradcam:FOLDER"):
        GradCam(classifier(name, size))


@pytest.mark.parametrize(
    ("layer", "rate", "message"),
    [
        ("layer5", 1.0, "did you mean layer4"),
        ("layer4", 0.0, "share of channels"),
        ("layer4", 1.5, "share of channels"),
        ("", 1.0, "expected a layer"),
    ],
)
def test_what_can_not_be_is_refused(layer, rate, message):
    with pytest.raises(InputError, match=message):
        GradCam(classifier(), layer, rate)


def test_a_layer_without_rows_and_columns_is_refused():
    with pytest.raises(InputError, match="name an earlier layer"):
        GradCam(classifier(), "fc")


def test_a_layer_that_answers_with_several_tensors_is_refused():
    network = classifier()
    network.backbone.layer1.register_forward_hook(lambda _, __, output: [output, output])
    network.backbone.layer2.register_forward_pre_hook(lambda _, given: (given[0][0],))
    with pytest.raises(InputError, match="name an earlier layer"):
        GradCam(network, "layer1")


@pytest.mark.parametrize(("size", "layer"), [(64, "layer4"), (32, "layer3"), (16, "layer2")])
def test_the_last_layer_that_keeps_rows_and_columns_is_taken(size, layer):
    assert GradCam(classifier("resnet18", size)).layer == layer
