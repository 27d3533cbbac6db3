"""The augmentation pipelines; the only module that imports albumentations."""

import os

import cv2
import torch
from torch import Tensor

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else every import asks the package index for news
import albumentations as A  # noqa: N812  (after the line above; A is the library's own convention)

from miad.tensors import Images


class Augmentation:
    """Mirror, turn, shift and scale a training image a little; vary its brightness and contrast."""

    def __init__(self) -> None:
        self._pipeline = A.Compose([A.HorizontalFlip(p=0.5), *_jitter()], seed=_seed())

    def __call__(self, image: Images) -> Images:
        """Augment one uint8 ``(3, h, w)`` image."""
        pixels = image.permute(1, 2, 0).contiguous().numpy()
        return torch.from_numpy(self._pipeline(image=pixels)["image"]).permute(2, 0, 1)

    def reseed(self) -> None:
        """Draw anew; each loader process does, else all would augment alike."""
        self._pipeline.set_random_seed(_seed())


class LesionCrop:
    """Cut a square out of a training image and its masks; every second one holds a lesion, if the image has any.

    Args:
        side: of the square in pixels; smaller images are continued by their last row and column.
        augment: mirror, turn, shift and scale the squares a little, and vary their brightness and contrast.
    """

    def __init__(self, side: int, *, augment: bool) -> None:
        crops = [A.CropNonEmptyMaskIfExists(side, side, p=1), A.RandomCrop(side, side, p=1)]
        steps = [
            A.PadIfNeeded(side, side, position="top_left", border_mode=cv2.BORDER_REPLICATE),
            A.OneOf(crops, p=1),
            *([A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5), *_jitter()] if augment else []),
        ]
        self._pipeline = A.Compose(steps, seed=_seed())

    def __call__(self, image: Images, masks: Tensor) -> tuple[Images, Tensor]:
        """Cut a uint8 ``(3, h, w)`` image and its bool ``(k, h, w)`` masks alike."""
        pixels, planes = (part.permute(1, 2, 0).contiguous().numpy() for part in (image, masks.to(torch.uint8)))
        out = self._pipeline(image=pixels, mask=planes)
        cut, lesions = (torch.from_numpy(out[name]).permute(2, 0, 1).contiguous() for name in ("image", "mask"))
        return cut, lesions > 0

    def reseed(self) -> None:
        """Draw anew; each loader process does, else all would cut alike."""
        self._pipeline.set_random_seed(_seed())


def _jitter() -> list[A.BasicTransform]:
    """Turn, shift and scale a little; vary brightness and contrast."""
    return [
        A.Affine(scale=(0.9, 1.1), translate_percent=(-0.06, 0.06), rotate=(-15, 15), p=0.8),
        A.RandomBrightnessContrast(brightness_limit=0.15, contrast_limit=0.15, p=0.5),
    ]


def _seed() -> int:
    """From torch's own generator, which follows the run's seed and differs between loader processes."""
    return int(torch.randint(2**31, ()).item())
