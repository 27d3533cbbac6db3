"""Targets leave their networks as they found them; ensembles against numpy."""

import numpy as np
import pytest
import torch
from torch import nn

from miad.errors import InputError
from miad.models import Classifier
from miad.targets import Ensemble, Target, load_target

PROBABILITIES = torch.tensor(
    [
        [[0.9, 0.1, 0.0], [0.3, 0.6, 0.1]],
        [[0.1, 0.8, 0.1], [0.5, 0.4, 0.1]],
        [[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]],
    ]
)
"""Three images, two members, three classes; all three are of the first class."""
LABELS = torch.zeros(3, dtype=torch.int64)


class Unsure(nn.Module):
    """Batch norm and dropout, which read differently in training; it can be told to fail."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.BatchNorm2d(3), nn.Dropout(0.5), nn.Flatten(), nn.Linear(48, 3))
        self.fails = False

    def forward(self, images):
        if self.fails:
            raise RuntimeError("out of memory")
        return self.layers(images.float() / 255)


@pytest.fixture
def unsure():
    torch.manual_seed(0)
    return Target("unsure", Unsure(), ("x", "y", "z"), 4)


@pytest.fixture
def images():
    return torch.randint(0, 256, (6, 3, 4, 4), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


@pytest.fixture
def mixed_modes(unsure):
    """The target left half in training: batch norm frozen, the rest not."""
    unsure.train()
    unsure.network.layers[0].eval()
    return unsure, [module.training for module in unsure.modules()]


def test_a_target_answers_in_evaluation_mode_whatever_mode_it_was_left_in(mixed_modes, images):
    target, _ = mixed_modes
    statistics = target.network.layers[0].running_mean.clone()
    answers = target(images), target(images)
    assert torch.equal(*answers)
    assert torch.equal(answers[0], target.eval()(images))
    assert torch.equal(target.network.layers[0].running_mean, statistics)


def test_every_modules_own_mode_is_restored(mixed_modes, images):
    target, modes = mixed_modes
    target(images)
    assert [module.training for module in target.modules()] == modes


def test_modes_are_restored_even_when_the_network_fails(mixed_modes, images):
    target, modes = mixed_modes
    target.network.fails = True
    with pytest.raises(RuntimeError, match="out of memory"):
        target(images)
    assert [module.training for module in target.modules()] == modes


def test_a_target_gives_the_softmax_of_its_network(unsure, images):
    with torch.no_grad():
        logits = unsure.network.eval()(images).double().numpy()
    expected = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(unsure(images).numpy(), expected, atol=1e-6)
    torch.testing.assert_close(unsure(images).sum(1), torch.ones(6))


def test_half_precision_networks_answer_in_float32(unsure, images):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        probabilities = unsure(images)
    assert probabilities.dtype == torch.float32
    torch.testing.assert_close(probabilities.sum(1), torch.ones(6))


def test_every_image_scored_is_counted(unsure, images):
    for batch in (images, images[:1], images[:4]):
        unsure(batch)
    assert unsure.scored == 11


def test_gradients_reach_the_pixels_and_no_parameter(unsure, images):
    pixels = images.float().requires_grad_()
    unsure(pixels)[:, 0].sum().backward()
    assert pixels.grad.abs().sum() > 0
    assert all(weight.grad is None and not weight.requires_grad for weight in unsure.parameters())


def test_a_target_is_named_after_its_run_or_its_file(tmp_path):
    network = Classifier("test_resnet", ["x", "y"], 32)
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    options = {"backbone": "test_resnet", "classes": ["x", "y"], "size": 32}
    best = tmp_path / "run 1.5" / "checkpoints" / "best.ckpt"
    best.parent.mkdir(parents=True)
    torch.save({"state_dict": state, "hyper_parameters": options}, best)
    targets = [load_target(tmp_path / "run 1.5"), load_target(best)]
    assert [(target.name, target.classes, target.size) for target in targets] == [
        ("run 1.5", ("x", "y"), 32),
        ("best", ("x", "y"), 32),
    ]


def test_an_ensemble_gives_each_members_probabilities_in_order(make_target, hosts):
    members = [make_target(1), make_target(2)]
    together = Ensemble(members)(hosts)
    for index, member in enumerate(members):
        assert torch.equal(together[:, index], member(hosts))


@pytest.mark.parametrize("weights", [None, [1, 3], [0.25, 0.75], [0.0, 2.0]])
def test_the_mean_is_weighted(make_target, weights):
    ensemble = Ensemble([make_target(1), make_target(2)], weights)
    expected = np.average(PROBABILITIES.numpy(), axis=1, weights=weights)
    np.testing.assert_allclose(ensemble.mean(PROBABILITIES).numpy(), expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(ensemble.confidence(PROBABILITIES, LABELS).numpy(), expected[:, 0], rtol=1e-6)


def test_confidence_is_that_of_each_images_own_label(ensemble):
    confidence = ensemble.confidence(PROBABILITIES, torch.tensor([2, 1, 0]))
    np.testing.assert_allclose(confidence.numpy(), [0.05, 0.6, 0.15], rtol=1e-6)


@pytest.mark.parametrize(
    ("success", "weights", "misread"),
    [
        ("mean", [1.0, 1.0], [False, True, True]),
        ("mean", [0.1, 0.9], [True, False, True]),
        ("all", [1.0, 1.0], [False, False, True]),
        ("all", [0.1, 0.9], [False, False, True]),
    ],
)
def test_misread_means_the_weighted_mean_or_every_member(make_target, success, weights, misread):
    ensemble = Ensemble([make_target(1), make_target(2)], weights, success)
    assert ensemble.misread(PROBABILITIES, LABELS).tolist() == misread


def test_all_are_correct_only_if_each_is(ensemble):
    labels = torch.tensor([0, 1, 2])
    assert ensemble.all_correct(PROBABILITIES, labels).tolist() == [False, False, False]
    both = PROBABILITIES[:, [0, 0]]
    assert ensemble.all_correct(both, labels).tolist() == [True, True, True]


def test_targets_of_other_classes_are_refused_naming_both(make_target, unsure):
    with pytest.raises(InputError, match=r"\A.*same classes, found spots1: glioma.* and unsure: x, y, z\Z"):
        Ensemble([make_target(1), unsure])


def test_an_ensemble_of_nobody_is_refused():
    with pytest.raises(InputError, match=r"\A.*at least one source, found none.*\Z"):
        Ensemble([])


@pytest.mark.parametrize("weights", [[1.0], [1.0, 1.0, 1.0], [2.0, -1.0], [0.0, 0.0], [1.0, float("nan")]])
def test_weights_that_do_not_fit_are_refused_in_one_line(make_target, weights):
    with pytest.raises(InputError, match=r"\Aexpected 2 weights of at least 0, one a source, found \[.*\]\Z"):
        Ensemble([make_target(1), make_target(2)], weights)


def test_a_number_means_that_at_least_so_many_members_misread(make_target):
    three = [make_target(1), make_target(2), make_target(3)]
    reads, errs = [0.9, 0.05, 0.05], [0.2, 0.7, 0.1]
    probabilities = torch.tensor([[errs] * wrong + [reads] * (3 - wrong) for wrong in range(4)])
    labels = torch.zeros(4, dtype=torch.int64)
    for success in (1, 2, 3):
        ensemble = Ensemble(three, [0.1, 0.1, 0.8], success)
        assert ensemble.misread(probabilities, labels).tolist() == [wrong >= success for wrong in range(4)]
    everyone = Ensemble(three, None, "all")
    assert everyone.misread(probabilities, labels).tolist() == [False, False, False, True]


def test_a_number_of_all_members_is_the_same_as_all(make_target):
    members = [make_target(1), make_target(2)]
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(200, 2, 3, generator=generator).softmax(2)
    labels = torch.randint(3, (200,), generator=generator)
    found = [Ensemble(members, None, success).misread(probabilities, labels) for success in (2, "all", 1)]
    assert torch.equal(found[0], found[1])
    assert found[1].sum() < found[2].sum()


@pytest.mark.parametrize("success", [-1, 0, 3, "any"])
def test_a_success_that_can_not_be_had_is_refused_in_one_line(make_target, success):
    with pytest.raises(InputError, match=rf"\Aexpected success of mean, all, or 1 to 2 sources, found {success}\Z"):
        Ensemble([make_target(1), make_target(2)], None, success)
