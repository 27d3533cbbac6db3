"""Losses of the classifiers: cross-entropy, or focal loss where classes are unbalanced."""

from typing import Literal, TypeAlias

from segmentation_models_pytorch.losses import FocalLoss
from torch import nn

LossName: TypeAlias = Literal["cross_entropy", "focal"]


def classification_loss(name: LossName, gamma: float = 2.0) -> nn.Module:
    """A loss of logits ``(n, c)`` and labels ``(n,)``.

    Args:
        name: ``cross_entropy`` or ``focal`` (Lin et al. 2017).
        gamma: focusing of the focal loss; 0 makes it cross-entropy.
    """
    match name:
        case "cross_entropy":
            return nn.CrossEntropyLoss()
        case "focal":
            loss: nn.Module = FocalLoss(mode="multiclass", gamma=gamma)
            return loss
