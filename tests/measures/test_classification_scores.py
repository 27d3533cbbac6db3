"""Classification scores against scikit-learn, and calibration against numpy."""

from math import isnan

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, auc, recall_score, roc_auc_score, roc_curve
from sklearn.metrics import confusion_matrix as sklearn_confusion_matrix
from torch.nn.functional import one_hot

from miad.measures import (
    SCORES,
    ClassificationScores,
    accuracy,
    auc_macro,
    auc_micro,
    balanced_accuracy,
    calibration_error,
    confusion_matrix,
    roc_curves,
)


def micro(probabilities, labels):
    truth = one_hot(labels, probabilities.shape[1]).numpy()
    return roc_auc_score(truth, probabilities.double().numpy(), average="micro", multi_class="ovr")


def macro(probabilities, labels):
    curves = [roc_auc_score(labels == index, probabilities[:, index]) for index in labels.unique()]
    return np.mean(curves)


def mean_recall(predicted, labels):
    return recall_score(labels, predicted, labels=labels.unique(), average="macro", zero_division=0)


def calibration(probabilities, labels, bins):
    """Mean over the images of their bin's distance between confidence and accuracy (Guo et al. 2017, eq. 3)."""
    probabilities, labels = probabilities.double().numpy(), labels.numpy()
    confidence, correct = probabilities.max(1), probabilities.argmax(1) == labels
    distance = 0
    for lower, upper in zip(np.arange(bins) / bins, np.arange(1, bins + 1) / bins, strict=True):
        chosen = (confidence > lower) & (confidence <= upper)
        if chosen.any():
            distance += chosen.sum() * abs(confidence[chosen].mean() - correct[chosen].mean())
    return distance / len(labels)


@st.composite
def tables(draw):
    """Scores of at least two classes of three to five, with many ties and some classes absent."""
    classes = draw(st.integers(3, 5))
    present = draw(st.lists(st.integers(0, classes - 1), min_size=2, max_size=classes, unique=True))
    count = draw(st.integers(len(present), 12))
    labels = draw(st.lists(st.sampled_from(present), min_size=count - len(present), max_size=count - len(present)))
    row = st.lists(st.integers(0, 4), min_size=classes, max_size=classes).filter(any)
    scores = torch.tensor(draw(st.lists(row, min_size=count, max_size=count)), dtype=torch.float32)
    return scores / scores.sum(1, keepdim=True), torch.tensor(present + labels)


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


@pytest.mark.parametrize("measure", SCORES.values(), ids=SCORES)
def test_no_images_have_no_scores(measure):
    assert isnan(measure(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)))


@pytest.mark.parametrize("batch", [1, 7, 80])
def test_batches_add_up_to_the_scores_of_the_whole(scored, batch):
    scores = ClassificationScores()
    for probabilities, labels in zip(scored[0].split(batch), scored[1].split(batch), strict=True):
        scores.update(probabilities, labels)
    computed = {name: float(value) for name, value in scores.compute().items()}
    expected = {
        "accuracy": accuracy_score(scored[1], scored[0].argmax(1)),
        "balanced_accuracy": mean_recall(scored[0].argmax(1), scored[1]),
        "auc_micro": micro(*scored),
        "auc_macro": macro(*scored),
        "calibration_error": calibration(*scored, 15),
    }
    assert computed == pytest.approx(expected, abs=1e-6)


def test_every_score_is_computed_by_its_name(scored):
    scores = ClassificationScores()
    scores.update(*scored)
    assert scores.compute().keys() == SCORES.keys()
    assert all(value.ndim == 0 for value in scores.compute().values())


def test_gathered_predictions_keep_the_order_they_came_in(scored):
    scores = ClassificationScores()
    for start, end in ((0, 3), (3, 4), (4, 80)):
        scores.update(scored[0][start:end], scored[1][start:end])
    assert all(torch.equal(found, given) for found, given in zip(scores.gathered(), scored, strict=True))


def test_a_new_epoch_forgets_the_last(scored):
    scores = ClassificationScores()
    scores.update(scored[0].flip(1), scored[1])
    scores.reset()
    scores.update(*scored)
    assert float(scores.compute()["accuracy"]) == pytest.approx(accuracy(*scored))


@settings(max_examples=60, deadline=None)
@given(tables())
def test_auc_of_any_scores_is_that_of_scikit_learn(table):
    assert auc_micro(*table) == pytest.approx(micro(*table), abs=1e-6)
    assert auc_macro(*table) == pytest.approx(macro(*table), abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(tables())
def test_counts_of_any_scores_are_those_of_scikit_learn(table):
    probabilities, labels = table
    predicted = probabilities.argmax(1)
    assert balanced_accuracy(probabilities, labels) == pytest.approx(mean_recall(predicted, labels), abs=1e-6)
    expected = sklearn_confusion_matrix(labels, predicted, labels=range(probabilities.shape[1]))
    assert confusion_matrix(probabilities, labels).tolist() == expected.tolist()


def test_a_row_of_the_confusion_matrix_is_a_label_and_a_column_a_prediction():
    probabilities = torch.tensor([[0.1, 0.9, 0.0], [0.2, 0.7, 0.1], [0.8, 0.1, 0.1]])
    assert confusion_matrix(probabilities, torch.tensor([0, 0, 1])).tolist() == [[0, 2, 0], [1, 0, 0], [0, 0, 0]]


def test_no_images_are_a_confusion_matrix_of_zeros():
    assert torch.equal(
        confusion_matrix(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64)), torch.zeros(3, 3, dtype=torch.int64)
    )


def test_a_rare_class_counts_as_much_as_a_frequent_one():
    probabilities, labels = torch.eye(3)[[0] * 10], torch.tensor([0] * 9 + [1])
    assert accuracy(probabilities, labels) == pytest.approx(0.9)
    assert balanced_accuracy(probabilities, labels) == pytest.approx(0.5)  # the third class has no images


@pytest.mark.parametrize("bins", [1, 2, 15])
def test_calibration_error_is_that_of_numpy(scored, bins):
    assert calibration_error(*scored, bins) == pytest.approx(calibration(*scored, bins), abs=1e-6)
    assert calibration_error(*scored, bins) > 0.01


def test_calibration_error_is_by_fifteen_bins(scored):
    assert calibration_error(*scored) == calibration_error(*scored, 15)
    assert abs(calibration_error(*scored) - calibration_error(*scored, 10)) > 1e-4


@pytest.mark.parametrize(("correct", "error"), [(10, 0), (7, 0.3), (0, 1)])
def test_full_confidence_is_wrong_by_the_share_of_errors(correct, error):
    labels = torch.tensor([0] * correct + [1] * (10 - correct))
    assert calibration_error(torch.eye(2)[[0] * 10], labels) == pytest.approx(error)


def test_a_mean_that_rounds_above_one_is_calibrated_like_one():
    above = torch.nextafter(torch.ones(()), torch.tensor(2.0))
    probabilities = torch.tensor([[above, 0], [0.6, 0.4], [0.3, 0.7]])
    labels = torch.tensor([0, 1, 1])
    assert calibration_error(probabilities, labels) == pytest.approx((0 + 0.6 + 0.3) / 3, abs=1e-6)


def test_roc_curves_are_those_of_scikit_learn(scored):
    probabilities, labels = scored
    curves = roc_curves(probabilities, labels)
    assert set(curves) == {None, 0, 1, 3, 4}  # the third class has no images
    truth = one_hot(labels, 5)
    for index, curve in curves.items():
        own = (truth, probabilities) if index is None else (truth[:, index], probabilities[:, index])
        expected = roc_curve(*(part.flatten().numpy() for part in own), drop_intermediate=False)
        for found, reference in zip(curve, expected, strict=True):
            np.testing.assert_allclose(found.numpy(), reference, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(tables())
def test_the_area_below_a_curve_is_its_auc(table):
    curves = roc_curves(*table)
    areas = {index: auc(curve.false_positive_rate, curve.true_positive_rate) for index, curve in curves.items()}
    assert areas.pop(None) == pytest.approx(micro(*table), abs=1e-6)
    assert set(areas) == set(table[1].tolist())
    assert np.mean(list(areas.values())) == pytest.approx(macro(*table), abs=1e-6)


def test_a_class_that_all_images_have_has_no_curve(scored):
    probabilities, labels = scored
    assert set(roc_curves(probabilities, torch.zeros_like(labels))) == {None}
    assert roc_curves(probabilities[:0], labels[:0]) == {}
