"""From images with lesion masks to what a segmenter learns from, and is judged on."""

import warnings

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from miad.data.base import ImageDataModule, ImageDataset, Split
from miad.data.sample import SampledDataset
from miad.data.transforms import LesionCrop
from miad.errors import InputError, check_at_least
from miad.imaging import fit_longer_side, resize, resize_mask, to_tensor
from miad.tensors import Images


class SegmentationDataModule(LightningDataModule):
    """Crops of images to train on, whole images to validate and test on, each with a mask for every kind of lesion.

    Images without given masks are left out.

    Args:
        data: the images; its batch size, workers, augmentation and balance hold for the crops.
        size: longer side in pixels that images are resized to before they are cut.
        tile: side of the crops in pixels.
        crops: crops of each image in an epoch.

    Raises:
        InputError: an option is out of range, or the images have a working size already.
    """

    def __init__(self, data: ImageDataModule, size: int, tile: int, crops: int = 1) -> None:
        super().__init__()
        check_at_least(1, size=size, tile=tile, crops=crops)
        if data.size is not None:
            raise InputError(
                f"expected images at their own size, found data.size {data.size}; leave it out, the segmenter "
                "resizes images and keeps their shape"
            )
        self.data = data
        self.size = size
        self.tile = tile
        self.crops = crops
        self._splits: dict[Split, ImageDataset] = {}

    def split(self, name: Split) -> ImageDataset:
        """The images of one split that have masks; says how many have none.

        Raises:
            InputError: none has.
        """
        if name not in self._splits:
            self._splits[name] = _with_masks(self.data.split(name), name)
        return self._splits[name]

    def train_dataloader(self) -> DataLoader[tuple[Images, Tensor]]:
        """Batches of crops: uint8 ``(n, 3, t, t)``, and their masks, bool ``(n, k, t, t)``."""
        dataset = self.split("train")
        crops = LesionCrops(dataset, self.size, LesionCrop(self.tile, augment=self.data.augment), self.crops)
        return self.data.training_loader(crops, dataset.labels * self.crops, collate_fn=None)

    def val_dataloader(self) -> DataLoader[tuple[Images, Tensor]]:
        """Whole images of their own size one by one: uint8 ``(1, 3, h, w)``, and their masks, bool ``(1, k, h, w)``."""
        return self._whole("val")

    def test_dataloader(self) -> DataLoader[tuple[Images, Tensor]]:
        """As for validation."""
        return self._whole("test")

    def _whole(self, name: Split) -> DataLoader[tuple[Images, Tensor]]:
        return self.data.loader(WholeImages(self.split(name)), batch_size=1, collate_fn=None)


class WholeImages(Dataset[tuple[Images, Tensor]]):
    """Images of their own size, uint8 ``(3, h, w)``, and their masks, bool ``(k, h, w)``.

    Args:
        dataset: images that all have masks.
    """

    def __init__(self, dataset: ImageDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Images, Tensor]:
        masks = self.dataset.kind_masks(index)
        if masks is None:
            raise IndexError(f"{self.dataset.ids[index]} has no mask")
        return to_tensor(self.dataset.pixels(index)), torch.from_numpy(masks)


class LesionCrops(Dataset[tuple[Images, Tensor]]):
    """Crops of resized images and their masks; a lesion of any size survives the resizing.

    Args:
        dataset: images that all have masks.
        size: longer side in pixels that images are resized to.
        crop: cuts a square out.
        repeats: crops of each image.
    """

    def __init__(self, dataset: ImageDataset, size: int, crop: LesionCrop, repeats: int = 1) -> None:
        self.images = WholeImages(dataset)
        self.size = size
        self.augmentation = crop
        self.repeats = repeats

    def __len__(self) -> int:
        return len(self.images) * self.repeats

    def __getitem__(self, index: int) -> tuple[Images, Tensor]:
        image, masks = self.images[index % len(self.images)]
        height, width = image.shape[1:]
        shape = fit_longer_side((height, width), self.size)
        return self.augmentation(resize(image[None], shape)[0], resize_mask(masks, shape))


def _with_masks(dataset: ImageDataset, name: Split) -> ImageDataset:
    wanted = [index for index in range(len(dataset)) if dataset.has_mask(index)]
    if not wanted:
        raise InputError(
            f"expected images with lesion masks in the split {name!r}, found none in {len(dataset)} images; give "
            "masks, in a table by the column mask or by data.kinds"
        )
    if len(wanted) < len(dataset):
        without = f"{len(dataset) - len(wanted)} of {len(dataset)} images in the split {name!r}"
        warnings.warn(f"{without} have no lesion mask and are left out", UserWarning, 2)
    return SampledDataset(dataset, wanted)
