"""How well lesions are found, pixel by pixel and lesion by lesion."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics import Metric

from miad.tensors import KindMasks

THRESHOLD = 0.5
"""A pixel is predicted to be lesion from this probability on."""

_LEVELS = 16384
_SUREST = 16.0
"""Thresholds of the precision-recall curve, equally far apart in log odds up to this: where lesions are rare, most
probabilities lie close to 0, and their order matters most."""


class Overlap(NamedTuple):
    """What true and predicted masks share, int64 ``(k,)`` each."""

    both: Tensor
    """Pixels that are lesion in truth and by prediction."""
    predicted: Tensor
    """Pixels that are lesion by prediction."""
    true: Tensor
    """Pixels that are lesion in truth."""
    found: Tensor
    """Lesions at least half of whose pixels are predicted."""
    lesions: Tensor
    """Connected regions of the true mask; pixels that touch at a corner are connected."""

    @property
    def dice(self) -> Tensor:
        """float32 ``(k,)``, 0..1; nan without a lesion in truth or by prediction."""
        return 2 * self.both / (self.predicted + self.true)

    @property
    def iou(self) -> Tensor:
        """float32 ``(k,)``, 0..1; nan without a lesion in truth or by prediction."""
        return self.both / (self.predicted + self.true - self.both)

    @property
    def lesion_recall(self) -> Tensor:
        """float32 ``(k,)``, 0..1; nan without a lesion."""
        return self.found / self.lesions


def overlap(probabilities: Tensor, masks: Tensor) -> Overlap:
    """Compare one image's probabilities with its masks.

    Args:
        probabilities: float ``(k, h, w)``.
        masks: bool ``(k, h, w)``.
    """
    predicted = probabilities >= THRESHOLD
    pixels = [part.flatten(1).sum(1) for part in (predicted & masks, predicted, masks)]
    regions = torch.tensor(_count_regions(predicted.cpu().numpy(), masks.cpu().numpy()), device=masks.device)
    return Overlap(*pixels, *regions)


def _count_regions(predicted: KindMasks, masks: KindMasks) -> NDArray[np.int64]:
    """Found and all regions of every kind, ``(2, k)``."""
    counts = np.zeros((2, len(masks)), np.int64)
    for kind, (guess, mask) in enumerate(zip(predicted, masks, strict=True)):
        regions, numbers = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)  # the background is region 0
        sizes, hits = (np.bincount(numbers[part], minlength=regions)[1:] for part in (mask, mask & guess))
        counts[:, kind] = (2 * hits >= sizes).sum(), regions - 1
    return counts


def precision_recall(positives: Tensor, negatives: Tensor) -> tuple[Tensor, Tensor]:
    """Precision and recall at falling thresholds.

    Args:
        positives: number of positives at each score, int64 ``(..., s)``, scores ascending.
        negatives: number of negatives, alike.

    Returns:
        Both float64 ``(..., s)``, 0..1; precision is 0 where nothing is predicted yet, recall nan without positives.
    """
    right, wrong = (counts.flip(-1).cumsum(-1).double() for counts in (positives, negatives))
    return right / (right + wrong).clamp(min=1), right / right[..., -1:]


def average_precision(positives: Tensor, negatives: Tensor) -> Tensor:
    """Area under the precision-recall curve in steps, as scikit-learn has it: sum of precision times gain in recall.

    Args:
        positives: see `precision_recall`.
        negatives: see `precision_recall`.

    Returns:
        float64 ``(...)``, 0..1; nan without positives.
    """
    precision, recall = precision_recall(positives, negatives)
    return (precision * recall.diff(prepend=torch.zeros_like(recall[..., :1]))).sum(-1)


class SegmentationScores(Metric):
    """Overlap over the pixels of all images, average precision over all pixels, and the share of lesions found.

    Precision and recall are taken at 16,384 thresholds, so that memory does not grow with the number of images.

    Args:
        kinds: kinds of lesions.
        kwargs: of torchmetrics.
    """

    full_state_update = False
    counts: Tensor
    positives: Tensor
    negatives: Tensor

    def __init__(self, kinds: Sequence[str], **kwargs: Any) -> None:  # noqa: ANN401  (torchmetrics' own arguments)
        super().__init__(**kwargs)
        self.kinds = tuple(kinds)
        k = len(self.kinds)
        self.add_state("counts", torch.zeros(len(Overlap._fields), k, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("positives", torch.zeros(k, _LEVELS, dtype=torch.int64), dist_reduce_fx="sum")
        self.add_state("negatives", torch.zeros(k, _LEVELS, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, probabilities: Tensor, masks: Tensor) -> None:
        """Add images: probabilities float ``(n, k, h, w)`` and masks bool ``(n, k, h, w)``."""
        odds = probabilities.double().logit().clamp(-_SUREST, _SUREST)
        levels = ((odds / _SUREST + 1) / 2 * (_LEVELS - 1)).round().long()
        for image, own, truth in zip(probabilities, levels, masks, strict=True):
            self.counts += torch.stack(overlap(image, truth))
            for kind in range(len(self.kinds)):
                self.positives[kind] += torch.bincount(own[kind][truth[kind]], minlength=_LEVELS)
                self.negatives[kind] += torch.bincount(own[kind][~truth[kind]], minlength=_LEVELS)

    def compute(self) -> dict[str, Tensor]:
        """Each measure as the mean over the kinds that have one; then of every kind, if there are several."""
        total = Overlap(*self.counts)
        values = {
            "dice": total.dice,
            "iou": total.iou,
            "average_precision": average_precision(self.positives, self.negatives).float(),
            "lesion_recall": total.lesion_recall,
        }
        means = {name: value.nanmean() for name, value in values.items()}
        if len(self.kinds) == 1:
            return means
        return means | {
            f"{name}/{kind.replace(' ', '_')}": value[index]
            for name, value in values.items()
            for index, kind in enumerate(self.kinds)
        }
