"""How well a mark was removed: inside it, outside of it, and whether it was found.

All on the 8-bit pixels that would be stored, image by image.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from miad.measures.quality import ssim
from miad.measures.segmentation import THRESHOLD
from miad.tensors import Images

_ROUNDING = 1 / 12
"""Mean square error of rounding to 8 bits; PSNR does not tell smaller ones apart, so that it stays finite."""


class RemovalQuality(NamedTuple):
    """How far images are from references, float32 ``(n,)`` each."""

    psnr: Tensor
    """dB, over the whole image; at most 58.9."""
    ssim: Tensor
    """At most 1, over the whole image."""
    rmse: Tensor
    """Grey levels, over the whole image."""
    psnr_inside: Tensor
    """dB, where the mark is; at most 58.9."""
    rmse_inside: Tensor
    """Grey levels, where the mark is."""
    rmse_outside: Tensor
    """Grey levels, where it is not; 0 under a mark that covers all."""


def removal_quality(images: Images, references: Images, marks: Tensor) -> RemovalQuality:
    """Compare images with what they should be.

    Args:
        images: uint8 ``(n, 3, h, w)`` with h, w >= 11.
        references: the same shape.
        marks: bool ``(n, 1, h, w)``: where the mark is; nowhere empty.
    """
    errors = (images.float() - references.float()).square().mean(1, keepdim=True)
    whole, inside, outside = (_mean(errors, part) for part in (torch.ones_like(marks), marks, ~marks))
    pairs = zip(*(part.permute(0, 2, 3, 1).cpu().numpy() for part in (images, references)), strict=True)
    similar = torch.tensor([ssim(*pair) for pair in pairs], device=images.device)
    return RemovalQuality(_psnr(whole), similar, whole.sqrt(), _psnr(inside), inside.sqrt(), outside.sqrt())


def mask_iou(masks: Tensor, marks: Tensor) -> Tensor:
    """Intersection over union of where a remover sees the mark and where it is, float32 ``(n,)``.

    Args:
        masks: float ``(n, 1, h, w)``, 0..1.
        marks: bool, the same shape; nowhere empty.
    """
    found = masks >= THRESHOLD
    both, either = (part.flatten(1).sum(1) for part in (found & marks, found | marks))
    return both / either


def _mean(errors: Tensor, where: Tensor) -> Tensor:
    return (errors * where).flatten(1).sum(1) / where.flatten(1).sum(1).clamp(min=1)


def _psnr(error: Tensor) -> Tensor:
    return 10 * (255**2 / error.clamp(min=_ROUNDING)).log10()
