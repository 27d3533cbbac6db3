"""The augmentation pipelines; the only module that imports albumentations."""

import os
from collections.abc import Callable
from typing import TypeAlias

import torch

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else every import asks the package index for news
import albumentations as A  # noqa: N812  (after the line above; A is the library's own convention)

from miad.tensors import Images

Augmentation: TypeAlias = Callable[[Images], Images]
"""uint8 ``(3, h, w)`` to the same shape."""


def training_augmentation() -> Augmentation:
    """Mirror, turn, shift and scale a little; vary brightness and contrast."""
    pipeline = A.Compose(
        [
            A.HorizontalFlip(p=0.5),
            A.Affine(scale=(0.9, 1.1), translate_percent=(-0.06, 0.06), rotate=(-15, 15), p=0.8),
            A.RandomBrightnessContrast(brightness_limit=0.15, contrast_limit=0.15, p=0.5),
        ],
        seed=int(torch.randint(2**31, ()).item()),  # follows the run's seed, which Lightning set
    )

    def augment(image: Images) -> Images:
        pixels = image.permute(1, 2, 0).contiguous().numpy()
        return torch.from_numpy(pipeline(image=pixels)["image"]).permute(2, 0, 1)

    return augment
