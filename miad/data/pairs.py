"""What a remover learns from, and is judged on: images, and the same with a random mark, made on the fly."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from miad.data.base import ImageDataModule, ImageDataset, Split, check_one_size, stack_images
from miad.data.random_marks import DrawnMark, PairOptions, draw_mark
from miad.data.transforms import Augmentation
from miad.tensors import Images
from miad.watermark import Logo, load_logos, mix


class Pair(NamedTuple):
    """An image with and without a mark, or a batch of them; all of one height and width."""

    image: Images
    """uint8 ``(3, h, w)``, without."""
    marked: Images
    """uint8 ``(3, h, w)``, with."""
    alpha: Tensor
    """uint8 ``(1, h, w)``: the mark's opacity at every pixel, 0 where it is not (the compositor's map m)."""
    mark: Images
    """uint8 ``(3, h, w)``: the mark's colours, 0 where it is not."""


def make_pair(image: Images, mark: DrawnMark) -> Pair:
    """Put a mark on one image with the compositor of all marks.

    Args:
        image: uint8 ``(3, h, w)``.
        mark: fits the image.
    """
    alpha, colours = mark.planes((image.shape[1], image.shape[2]))
    return Pair(image, mix(image, colours, alpha.to(torch.int32)), alpha, colours)


class MarkedPairs(Dataset[Pair]):
    """Every image of a data set with a random mark.

    Args:
        dataset: the images.
        logos: to choose from.
        options: the ranges of the marks.
        seed: with an image's id it fixes that image's mark; by default every reading draws anew.
    """

    def __init__(
        self, dataset: ImageDataset, logos: Sequence[Logo], options: PairOptions, seed: int | None = None
    ) -> None:
        self.dataset = dataset
        self.logos = logos
        self.options = options
        self.seed = seed

    @property
    def augmentation(self) -> Augmentation | None:
        """That of the images; drawn anew in every loader process."""
        return self.dataset.augmentation

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Pair:
        item = self.dataset[index]
        shape = (item.image.shape[1], item.image.shape[2])
        mark = draw_mark(self.logos, shape, self.options, self._generator(item.id), grey=item.grey)
        return make_pair(item.image, mark)

    def _generator(self, image_id: str) -> np.random.Generator:
        if self.seed is None:
            return np.random.default_rng(int(torch.randint(2**63 - 1, ()).item()))
        return np.random.default_rng(list(hashlib.sha256(f"{self.seed}:{image_id}".encode()).digest()))


class PairDataModule(LightningDataModule):
    """Pairs of a data set: new marks every epoch to train on, the same ones each time to validate and test on.

    Args:
        data: the images; its batch size, workers, augmentation and balance hold for the pairs.
        options: the logos, and the ranges of the marks.
        seed: of the marks to validate and test on.
    """

    def __init__(self, data: ImageDataModule, options: PairOptions, seed: int) -> None:
        super().__init__()
        self.data = data
        self.options = options
        self.seed = seed

    @cached_property
    def logos(self) -> list[Logo]:
        """To train and validate on."""
        return load_logos(self.options.logos)

    @cached_property
    def held_out(self) -> list[Logo]:
        """To test on."""
        return load_logos(self.options.held_out)

    def split(self, name: Split) -> ImageDataset:
        """The images of one split.

        Raises:
            InputError: the split has no images.
        """
        return self.data.split(name)

    def check(self, *splits: Split) -> None:
        """Some logo fits every image of these splits, and batches can be made of them.

        Raises:
            InputError: none does, the images differ in size, or a split has no images.
        """
        for name in splits:
            images, logos = self.split(name), self.held_out if name == "test" else self.logos
            shapes = sorted({images.shape(index) for index in range(len(images))})
            if self.data.batch_size > 1:
                check_one_size(shapes)
            for shape in shapes:
                draw_mark(logos, shape, self.options, np.random.default_rng(self.seed), grey=False)

    def pairs(self, name: Split) -> MarkedPairs:
        """The pairs of one split; those to test on have the logos that were held out."""
        if name == "train":
            return MarkedPairs(self.data.training_images(), self.logos, self.options)
        return MarkedPairs(self.split(name), self.held_out if name == "test" else self.logos, self.options, self.seed)

    def train_dataloader(self) -> DataLoader[Pair]:
        """Shuffled batches of pairs."""
        pairs = self.pairs("train")
        return self.data.training_loader(pairs, pairs.dataset.labels, collate_fn=collate_pairs)

    def val_dataloader(self) -> DataLoader[Pair]:
        """Batches of pairs."""
        return self.data.loader(self.pairs("val"), collate_fn=collate_pairs)

    def test_dataloader(self) -> DataLoader[Pair]:
        """Batches of pairs of the logos that were held out."""
        return self.data.loader(self.pairs("test"), collate_fn=collate_pairs)


def collate_pairs(pairs: Sequence[Pair]) -> Pair:
    """Stack pairs of one size into a batch.

    Raises:
        InputError: the images differ in size.
    """
    return Pair(*(stack_images(parts) for parts in zip(*pairs, strict=True)))
