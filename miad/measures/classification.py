"""How well classes are told apart, from class probabilities.

MIAD-MARK (Metrics) reports the micro-average one-vs-rest AUC; the macro average is taken over the classes that
occur, because a class without images has no ROC curve and must not count as zero.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torchmetrics import Metric
from torchmetrics.functional.classification import binary_auroc, binary_roc, multiclass_calibration_error
from torchmetrics.utilities import dim_zero_cat

from miad.tensors import Labels, Probabilities


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Share of images whose most probable class is the label; nan without images."""
    return float((probabilities.argmax(1) == labels).float().mean())


def balanced_accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Mean recall over the classes that have images, so that rare ones count like frequent ones; nan without images."""
    matrix = confusion_matrix(probabilities, labels)
    sizes = matrix.sum(1)
    return float((matrix.diagonal() / sizes)[sizes > 0].mean())


def confusion_matrix(probabilities: Probabilities, labels: Labels) -> Tensor:
    """Number of images by label (row) and most probable class (column), int64 ``(c, c)``."""
    classes = probabilities.shape[1]
    pairs = labels * classes + probabilities.argmax(1)
    return torch.bincount(pairs, minlength=classes * classes).view(classes, classes)


def calibration_error(probabilities: Probabilities, labels: Labels, bins: int = 15) -> float:
    """Expected calibration error (Guo et al. 2017, eq. 3): how far confidence is from accuracy, by bins.

    Args:
        probabilities: float ``(n, c)``.
        labels: int64 ``(n,)``.
        bins: equal parts of 0..1.

    Returns:
        0..1, or nan without images.
    """
    if len(labels) == 0:
        return float("nan")
    return float(multiclass_calibration_error(_in_range(probabilities), labels, probabilities.shape[1], n_bins=bins))


def auc_micro(probabilities: Probabilities, labels: Labels) -> float:
    """Micro-average one-vs-rest AUC: every (image, class) pair is one binary decision.

    Args:
        probabilities: float ``(n, c)``.
        labels: int64 ``(n,)``.

    Returns:
        0..1, or nan without images.
    """
    if len(labels) == 0:
        return float("nan")
    return _auc(probabilities.flatten(), one_hot(labels, probabilities.shape[1]).flatten())


def auc_macro(probabilities: Probabilities, labels: Labels) -> float:
    """Mean one-vs-rest AUC over the classes that have images both in and outside them; nan if there are none."""
    curves = [
        _auc(probabilities[:, index], (labels == index).long())
        for index in range(probabilities.shape[1])
        if 0 < int((labels == index).sum()) < len(labels)
    ]
    return sum(curves) / len(curves) if curves else float("nan")


class Curve(NamedTuple):
    """A ROC curve."""

    false_positive_rate: Tensor
    true_positive_rate: Tensor
    threshold: Tensor
    """A score of at least this counts as positive; the first is infinite."""


def roc_curves(probabilities: Probabilities, labels: Labels) -> dict[int | None, Curve]:
    """One-vs-rest ROC curves by class; None is the micro average, as in MIAD-MARK's Figure 3.

    Classes that have no images, or all of them, have no curve.
    """
    classes = probabilities.shape[1]
    truth = one_hot(labels, classes)
    curves: dict[int | None, Curve] = {
        index: _roc(probabilities[:, index], truth[:, index])
        for index in range(classes)
        if 0 < int(truth[:, index].sum()) < len(labels)
    }
    return curves | ({None: _roc(probabilities.flatten(), truth.flatten())} if len(labels) else {})


def _roc(scores: Tensor, truth: Tensor) -> Curve:
    false_positive, true_positive, threshold = (part.cpu() for part in binary_roc(_in_range(scores), truth))
    return Curve(false_positive, true_positive, torch.cat([torch.tensor([float("inf")]), threshold[1:]]))


def _auc(scores: Tensor, truth: Tensor) -> float:
    return float(binary_auroc(_in_range(scores), truth))


def _in_range(scores: Tensor) -> Tensor:
    # torchmetrics takes scores above 1 for logits and would squash them all; a weighted mean can round to 1 + 1e-7.
    return scores / scores.max().clamp(min=1)


SCORES = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "auc_micro": auc_micro,
    "auc_macro": auc_macro,
    "calibration_error": calibration_error,
}
"""The measures of a classifier by name, each of probabilities ``(n, c)`` and labels ``(n,)``."""


class ClassificationScores(Metric):
    """Accumulates probabilities over an epoch and computes the `SCORES` at its end."""

    full_state_update = False
    probabilities: list[Tensor]
    labels: list[Tensor]

    def __init__(self, **kwargs: Any) -> None:  # noqa: ANN401  (torchmetrics' own keyword arguments)
        super().__init__(**kwargs)
        self.add_state("probabilities", default=[], dist_reduce_fx="cat")
        self.add_state("labels", default=[], dist_reduce_fx="cat")

    def update(self, probabilities: Probabilities, labels: Labels) -> None:
        """Add a batch."""
        self.probabilities.append(probabilities.detach().float())
        self.labels.append(labels)

    def gathered(self) -> tuple[Probabilities, Labels]:
        """Everything added, in order: ``(n, c)`` and ``(n,)``."""
        return dim_zero_cat(self.probabilities), dim_zero_cat(self.labels)

    def compute(self) -> dict[str, Tensor]:
        """Each of the `SCORES` over everything added."""
        probabilities, labels = self.gathered()
        return {name: torch.tensor(score(probabilities, labels)) for name, score in SCORES.items()}
