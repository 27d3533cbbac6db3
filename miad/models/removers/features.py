"""Features of VGG16, which the removers' authors compare images by."""

import timm
import torch
from timm.data.constants import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

from miad.errors import InputError
from miad.models.classifier import first_line


class Features(nn.Module):
    """The last activations of VGG16's first three levels; never trained.

    Args:
        pretrained: with published weights (asks the model hub).
        pooled: after the pooling that ends each level (SplitNet, SLBR) instead of before it (WDNet).
        normalised: take ImageNet's mean and deviation out first; WDNet does not.

    Raises:
        InputError: the weights can not be had.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, *, pretrained: bool = True, pooled: bool = True, normalised: bool = True) -> None:
        super().__init__()
        try:
            self.vgg = timm.create_model("vgg16", pretrained=pretrained, features_only=True, out_indices=(0, 1, 2))
        except (OSError, RuntimeError, LookupError) as error:
            raise InputError(
                f"no pretrained weights for vgg16 ({first_line(error)}); leave out the terms of its features "
                "(perceptual: false)"
            ) from error
        self.vgg.eval().requires_grad_(False)
        self.pooled = pooled
        mean, std = (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD) if normalised else ((0.0,) * 3, (1.0,) * 3)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def train(self, mode: bool = True) -> "Features":
        """Always in evaluation mode."""
        return super().train(False)

    def forward(self, images: Tensor) -> list[Tensor]:
        """Three maps, the largest first, of float images ``(n, 3, h, w)``, 0..1."""
        found: list[Tensor] = self.vgg((images - self.mean) / self.std)
        return [max_pool2d(part, 2) for part in found] if self.pooled else found
