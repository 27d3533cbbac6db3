"""Accuracy and AUC against scikit-learn."""

from math import isnan

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, roc_auc_score
from torch.nn.functional import one_hot

from miad.measures import ClassificationScores, accuracy, auc_macro, auc_micro


def micro(probabilities, labels):
    truth = one_hot(labels, probabilities.shape[1]).numpy()
    return roc_auc_score(truth, probabilities.double().numpy(), average="micro", multi_class="ovr")


def macro(probabilities, labels):
    curves = [roc_auc_score(labels == index, probabilities[:, index]) for index in labels.unique()]
    return np.mean(curves)


@pytest.fixture
def scored():
    """Eighty images of five classes, of which the third has no image."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.tensor([0, 1, 3, 4])[torch.randint(4, (80,), generator=generator)]
    logits = torch.randn(80, 5, generator=generator) + 1.5 * one_hot(labels, 5)
    return logits.softmax(1), labels


def test_accuracy_is_that_of_scikit_learn(scored):
    probabilities, labels = scored
    assert accuracy(probabilities, labels) == pytest.approx(accuracy_score(labels, probabilities.argmax(1)))


@pytest.mark.parametrize("measure", [(auc_micro, micro), (auc_macro, macro)])
def test_auc_is_that_of_scikit_learn_though_a_class_is_absent(scored, measure):
    ours, reference = measure
    assert ours(*scored) == pytest.approx(reference(*scored), abs=1e-6)


@pytest.mark.parametrize("measure", [(auc_micro, micro), (auc_macro, macro)])
def test_equal_probabilities_count_half(scored, measure):
    ours, reference = measure
    rounded = (10 * scored[0]).round() / 10
    assert ours(rounded, scored[1]) == pytest.approx(reference(rounded, scored[1]), abs=1e-6)


@pytest.mark.parametrize("measure", [(auc_micro, micro), (auc_macro, macro)])
def test_a_mean_of_probabilities_that_rounds_above_one_has_the_same_auc(measure):
    ours, reference = measure
    small = torch.tensor([1e-12, 1e-10, 1e-8, 1e-9, 1e-11, 1e-7])
    probabilities = torch.stack([torch.nextafter(1 - small, torch.tensor(2.0)), small], 1)
    labels = torch.tensor([0, 0, 1, 0, 1, 1])
    assert probabilities.max() > 1
    assert ours(probabilities, labels) == pytest.approx(reference(probabilities, labels), abs=1e-6)


def test_a_single_class_has_no_macro_curve(scored):
    probabilities, labels = scored
    assert isnan(auc_macro(probabilities, torch.zeros_like(labels)))
    assert not isnan(auc_micro(probabilities, torch.zeros_like(labels)))


@pytest.mark.parametrize("measure", [accuracy, auc_micro, auc_macro])
def test_no_images_have_no_scores(measure):
    assert isnan(measure(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)))


@pytest.mark.parametrize("batch", [1, 7, 80])
def test_batches_add_up_to_the_scores_of_the_whole(scored, batch):
    scores = ClassificationScores()
    for probabilities, labels in zip(scored[0].split(batch), scored[1].split(batch), strict=True):
        scores.update(probabilities, labels)
    computed = {name: float(value) for name, value in scores.compute().items()}
    expected = {"accuracy": accuracy(*scored), "auc_micro": micro(*scored), "auc_macro": macro(*scored)}
    assert computed == pytest.approx(expected, abs=1e-6)


def test_a_new_epoch_forgets_the_last(scored):
    scores = ClassificationScores()
    scores.update(scored[0].flip(1), scored[1])
    scores.reset()
    scores.update(*scored)
    assert float(scores.compute()["accuracy"]) == pytest.approx(accuracy(*scored))
