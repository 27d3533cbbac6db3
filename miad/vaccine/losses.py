"""What delta_D and delta_I do to one remover, one number an image; no image's loss knows of another image."""

import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from miad.models.removers import Removal
from miad.vaccine.options import VaccineOptions

_TINY = torch.finfo(torch.float32).tiny
_ALMOST_ONE = 1 - torch.finfo(torch.float32).eps / 2
"""The largest float32 below 1; beyond it a sigmoid's own slope is 0, and no loss of the mask has any."""


def disruption(removal: Removal, ideal: Tensor, options: VaccineOptions) -> Tensor:
    """How far the removed image is from the ideal one, which delta_D maximises (MIAD-MARK eq. 3, as means of squares).

    Args:
        removal: what the remover made.
        ideal: float ``(n, 3, h, w)``.
        options: ``mask_bonus`` is read.

    Returns:
        float32 ``(n,)``.
    """
    loss = _mean_square(removal.image, ideal)
    if options.mask_bonus:
        loss = loss + options.mask_bonus * _mean(removal.mask.clamp(min=_TINY).log())
    return loss


def visibility(removal: Removal, untouched: Tensor, options: VaccineOptions) -> Tensor:
    """How much the remover sees and does, which delta_I minimises (MIAD-MARK eq. 4, as means).

    Args:
        removal: what the remover made.
        untouched: float ``(n, 3, h, w)``, what it should leave as it is.
        options: ``gamma`` and ``mask_term`` are read.

    Returns:
        float32 ``(n,)``.
    """
    if options.mask_term == "squared":
        seen = _mean(removal.mask.square())
    else:
        seen = -_mean(torch.log1p(-removal.mask.clamp(max=_ALMOST_ONE)))
    return options.gamma * _mean_square(removal.image, untouched) + seen


def _mean_square(image: Tensor, other: Tensor) -> Tensor:
    return _mean(mse_loss(image, other, reduction="none"))


def _mean(values: Tensor) -> Tensor:
    return values.mean((1, 2, 3))
