"""Losses of the classifiers: cross-entropy, or focal loss where classes are unbalanced."""

from typing import Literal, TypeAlias

from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from miad.tensors import Labels

LossName: TypeAlias = Literal["cross_entropy", "focal"]


def focal_loss(logits: Tensor, labels: Labels, gamma: float = 2.0) -> Tensor:
    """Mean of ``(1 - p)^gamma * -log(p)`` with p the label's softmax probability (Lin et al. 2017, eq. 4).

    segmentation-models-pytorch's loss of this name sums sigmoid terms over the classes instead, so that gamma 0 is not
    cross-entropy.
    """
    surprise = cross_entropy(logits, labels, reduction="none")
    return ((1 - (-surprise).exp()) ** gamma * surprise).mean()


class FocalLoss(nn.Module):
    """`focal_loss` as a module.

    Args:
        gamma: focusing; 0 makes it cross-entropy.
    """

    def __init__(self, gamma: float = 2.0) -> None:
        super().__init__()
        self.gamma = gamma

    def forward(self, logits: Tensor, labels: Labels) -> Tensor:
        """Loss of logits ``(n, c)`` and labels ``(n,)``."""
        return focal_loss(logits, labels, self.gamma)


def classification_loss(name: LossName, gamma: float = 2.0) -> nn.Module:
    """A loss of logits ``(n, c)`` and labels ``(n,)``.

    Args:
        name: ``cross_entropy`` or ``focal``.
        gamma: focusing of the focal loss.
    """
    match name:
        case "cross_entropy":
            return nn.CrossEntropyLoss()
        case "focal":
            return FocalLoss(gamma)
