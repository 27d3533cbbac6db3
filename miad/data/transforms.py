"""The augmentation pipelines; the only module that imports albumentations."""

import os

import torch

os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")  # else every import asks the package index for news
import albumentations as A  # noqa: N812  (after the line above; A is the library's own convention)

from miad.tensors import Images


class Augmentation:
    """Mirror, turn, shift and scale a training image a little; vary its brightness and contrast."""

    def __init__(self) -> None:
        steps = [
            A.HorizontalFlip(p=0.5),
            A.Affine(scale=(0.9, 1.1), translate_percent=(-0.06, 0.06), rotate=(-15, 15), p=0.8),
            A.RandomBrightnessContrast(brightness_limit=0.15, contrast_limit=0.15, p=0.5),
        ]
        self._pipeline = A.Compose(steps, seed=_seed())

    def __call__(self, image: Images) -> Images:
        """Augment one uint8 ``(3, h, w)`` image."""
        pixels = image.permute(1, 2, 0).contiguous().numpy()
        return torch.from_numpy(self._pipeline(image=pixels)["image"]).permute(2, 0, 1)

    def reseed(self) -> None:
        """Draw anew; each loader process does, else all would augment alike."""
        self._pipeline.set_random_seed(_seed())


def _seed() -> int:
    """From torch's own generator, which follows the run's seed and differs between loader processes."""
    return int(torch.randint(2**31, ()).item())
