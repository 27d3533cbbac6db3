"""Accuracy and areas under the ROC curve, from class probabilities.

MIAD-MARK (Metrics) reports the micro-average one-vs-rest AUC; the macro average is taken over the classes that
occur, because a class without images has no ROC curve and must not count as zero.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torchmetrics import Metric
from torchmetrics.functional.classification import binary_auroc
from torchmetrics.utilities import dim_zero_cat

from miad.tensors import Labels, Probabilities


def accuracy(probabilities: Probabilities, labels: Labels) -> float:
    """Share of images whose most probable class is the label; nan without images."""
    return float((probabilities.argmax(1) == labels).float().mean())


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


def _auc(scores: Tensor, truth: Tensor) -> float:
    # torchmetrics takes scores above 1 for logits and would squash them all; a weighted mean can round to 1 + 1e-7.
    return float(binary_auroc(scores / scores.max().clamp(min=1), truth))


class ClassificationScores(Metric):
    """Accumulates probabilities over an epoch and computes accuracy and both AUCs at its end."""

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

    def compute(self) -> dict[str, Tensor]:
        """Accuracy, micro and macro AUC over everything added."""
        probabilities, labels = dim_zero_cat(self.probabilities), dim_zero_cat(self.labels)
        scores = {
            "accuracy": accuracy(probabilities, labels),
            "auc_micro": auc_micro(probabilities, labels),
            "auc_macro": auc_macro(probabilities, labels),
        }
        return {name: torch.tensor(score) for name, score in scores.items()}
