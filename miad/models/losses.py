"""What the networks are trained to make small.

Classifiers: cross-entropy, or focal loss where classes are unbalanced. Segmenters: overlap and pixels together, because
overlap alone says little where an image has no lesion, and pixels alone are nearly all background.
"""

from typing import Literal, TypeAlias

from segmentation_models_pytorch.losses import MULTILABEL_MODE, DiceLoss
from segmentation_models_pytorch.losses import FocalLoss as PixelFocalLoss
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from miad.tensors import Labels

LossName: TypeAlias = Literal["cross_entropy", "focal"]
MaskLossName: TypeAlias = Literal["dice_focal", "dice_bce"]


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


class MaskLoss(nn.Module):
    """The sum of a loss of overlap, which no pixel count can outvote, and of a loss of single pixels.

    Args:
        pixels: a loss of logits and masks ``(n, k, h, w)``.
    """

    def __init__(self, pixels: nn.Module) -> None:
        super().__init__()
        self.overlap = DiceLoss(MULTILABEL_MODE)
        self.pixels = pixels

    def forward(self, logits: Tensor, masks: Tensor) -> Tensor:
        """Loss of logits and bool masks, both ``(n, k, h, w)``."""
        truth, logits = masks.float(), logits.float()  # sums over many pixels overflow in half precision
        loss: Tensor = self.overlap(logits, truth) + self.pixels(logits, truth)
        return loss


def segmentation_loss(name: MaskLossName) -> nn.Module:
    """A loss of logits and bool masks, both ``(n, k, h, w)``.

    Args:
        name: Dice over the whole batch, plus ``dice_focal``: focal loss (gamma 2) of every pixel, or ``dice_bce``:
            binary cross-entropy of every pixel.
    """
    match name:
        case "dice_focal":
            return MaskLoss(PixelFocalLoss(MULTILABEL_MODE))
        case "dice_bce":
            return MaskLoss(nn.BCEWithLogitsLoss())
