"""What a remover is trained to make small, and the terms that its authors' losses share."""

from abc import abstractmethod
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy

from miad.models.removers.base import Removal


class Truth(NamedTuple):
    """What a remover should answer; all float32, 0..1."""

    image: Tensor
    """``(n, 3, h, w)``, without the mark."""
    marked: Tensor
    """``(n, 3, h, w)``, what the remover read."""
    alpha: Tensor
    """``(n, 1, h, w)``, the mark's opacity, 0 where it is not."""
    mark: Tensor
    """``(n, 3, h, w)``, the mark's colours."""

    @property
    def mask(self) -> Tensor:
        """``(n, 1, h, w)``, 1 where the mark is."""
        return (self.alpha > 0).float()


class RemoverLoss(nn.Module):
    """Weighted terms by name; their sum is the loss."""

    @abstractmethod
    def forward(self, found: Removal, truth: Truth) -> dict[str, Tensor]:
        """The terms of one batch, each a scalar; in float32 whatever the network computed in."""


class FineTuningLoss(RemoverLoss):
    """Mean squared error of the image (MIAD-MARK eq. 2).

    Args:
        mask_weight: of the mask's cross-entropy; the paper has none, and nothing then ties the mask to its meaning.
    """

    def __init__(self, mask_weight: float = 0.0) -> None:
        super().__init__()
        self.mask_weight = mask_weight

    def forward(self, found: Removal, truth: Truth) -> dict[str, Tensor]:
        """Image, and mask if it counts."""
        terms = {"image": (found.image.float() - truth.image).square().mean()}
        if self.mask_weight:
            terms["mask"] = self.mask_weight * mask_error(found.mask, truth.mask)
        return terms


def mask_error(found: Tensor, inside: Tensor) -> Tensor:
    """Cross-entropy of a mask ``(n, 1, h, w)``, 0..1."""
    return binary_cross_entropy(found.float(), inside)


def relative_error(found: Tensor, truth: Tensor, inside: Tensor) -> Tensor:
    """Each image's absolute error inside of the mask, summed over channels, by the mask's pixels; 0 without any."""
    error = ((found.float() - truth).abs() * inside).flatten(1).sum(1)
    return (error / inside.flatten(1).sum(1).clamp(min=1)).mean()


def mean_error(found: Tensor, truth: Tensor, where: Tensor) -> Tensor:
    """Mean absolute error over the batch's pixels that count; 0 where none does."""
    error = (found.float() - truth).abs().mean(1, keepdim=True)
    return (error * where).sum() / where.sum().clamp(min=1)


def completed(found: Tensor, truth: Truth) -> Tensor:
    """What was found inside of the true mask, and the original outside."""
    inside = truth.mask
    return found.float() * inside + truth.image * (1 - inside)
