"""Choose a few images of every class."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import TypeVar

import torch

from miad.data.base import ImageDataModule, ImageDataset, Split
from miad.errors import InputError, check_at_least
from miad.imaging import FileKind, Stored
from miad.tensors import Images, KindMasks, LesionMask, Pixels

T = TypeVar("T")


def sample_per_class(labels: Sequence[int], classes: Sequence[str], count: int, seed: int) -> list[int]:
    """Indices of ``count`` images of every class, ascending.

    Args:
        labels: class of each image.
        classes: names of the classes.
        count: images of each class.
        seed: the same seed chooses the same images.

    Raises:
        InputError: a class has fewer.
    """
    check_at_least(1, per_class=count)
    sizes = Counter(labels)
    few = min(range(len(classes)), key=lambda label: sizes[label])
    if sizes[few] < count:
        raise InputError(
            f"expected {count} images of every class, found {sizes[few]} of {classes[few]}; give a smaller per_class, "
            "or null to take all"
        )
    generator = random.Random(seed)
    return sorted(
        index
        for label in range(len(classes))
        for index in generator.sample([i for i, own in enumerate(labels) if own == label], count)
    )


def spread(things: Sequence[T], count: int | None) -> list[T]:
    """So many of them, evenly spread, or all."""
    chosen = len(things) if count is None else min(count, len(things))
    return [things[index * len(things) // chosen] for index in range(chosen)]


def some_alike(dataset: ImageDataset, count: int = 3) -> Images:
    """Some images of the first one's size, uint8 ``(n, 3, h, w)``."""
    alike = [index for index in range(len(dataset)) if dataset.shape(index) == dataset.shape(0)]
    return torch.stack([dataset[index].image for index in spread(alike, count)])


def choose_images(data: ImageDataModule, split: Split, per_class: int | None, seed: int) -> ImageDataset:
    """A split, or ``per_class`` images of each of its classes.

    Raises:
        InputError: the split has no images, or a class has fewer.
    """
    dataset = data.split(split)
    if per_class is None:
        return dataset
    return SampledDataset(dataset, sample_per_class(dataset.labels, data.classes, per_class, seed))


class SampledDataset(ImageDataset):
    """Some images of a data set.

    Args:
        whole: the data set.
        indices: which of its images, in this order.
    """

    def __init__(self, whole: ImageDataset, indices: Sequence[int]) -> None:
        super().__init__([whole.ids[i] for i in indices], [whole.labels[i] for i in indices], whole.size, whole.kinds)
        self.whole = whole
        self.indices = list(indices)

    def pixels(self, index: int) -> Pixels:
        """Those of the whole."""
        return self.whole.pixels(self.indices[index])

    def stored(self, index: int) -> Stored:
        """That of the whole."""
        return self.whole.stored(self.indices[index])

    def file_kind(self, index: int) -> FileKind:
        """That of the whole."""
        return self.whole.file_kind(self.indices[index])

    def shape(self, index: int) -> tuple[int, int]:
        """That of the whole."""
        return self.whole.shape(self.indices[index])

    def lesion_mask(self, index: int) -> LesionMask | None:
        """That of the whole."""
        return self.whole.lesion_mask(self.indices[index])

    def kind_masks(self, index: int) -> KindMasks | None:
        """Those of the whole."""
        return self.whole.kind_masks(self.indices[index])

    def has_mask(self, index: int) -> bool:
        """As the whole says."""
        return self.whole.has_mask(self.indices[index])
