"""What every data set shares: items, splits and loaders.

A data set knows how to give the stored pixels of one image; everything after that (working size,
augmentation, tensors, loaders) happens here, once.
"""

import os
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import copy
from typing import Any, Literal, NamedTuple, TypeAlias

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset, WeightedRandomSampler, get_worker_info

from miad.data.transforms import Augmentation
from miad.errors import InputError, check_at_least
from miad.imaging import FileKind, Stored, from_tensor, is_grey, resize, resize_mask, resize_stored, to_tensor
from miad.tensors import Images, KindMasks, Labels, LesionMask, Pixels

Split: TypeAlias = Literal["train", "val", "test"]

ONE_KIND = ("lesion",)
"""The kinds of lesions where a data set does not tell them apart."""


class Item(NamedTuple):
    """One image on its way to a model."""

    image: Images
    """uint8 ``(3, h, w)``."""
    label: int
    id: str
    """Unique within the data set, stable between runs; every image's randomness is seeded by it."""
    grey: bool
    """Whether the file stores one channel."""
    lesion: Tensor | None
    """The given lesion mask, bool ``(h, w)``, where the data set has one."""
    stored: Stored | None = None
    """The image as its file holds it, where that is more than ``image``: deeper pixels, TIFF or DICOM around them."""


class ImageDataset(Dataset[Item], ABC):
    """Images with labels and ids; subclasses give the stored pixels.

    Args:
        ids: one a image, unique.
        labels: index of each image's class.
        size: working size: images become size x size; None keeps each image's own.
        kinds: the kinds of lesions that its masks tell apart.
    """

    def __init__(
        self, ids: Sequence[str], labels: Sequence[int], size: int | None = None, kinds: Sequence[str] = ONE_KIND
    ) -> None:
        self.ids = list(ids)
        self.labels = list(labels)
        self.size = size
        self.kinds = tuple(kinds)
        self.augmentation: Augmentation | None = None

    @abstractmethod
    def pixels(self, index: int) -> Pixels:
        """One image as models see it, uint8 ``(h, w)`` or ``(h, w, 3)``."""

    def stored(self, index: int) -> Stored:
        """One image as its file holds it."""
        return Stored(self.pixels(index))

    def file_kind(self, index: int) -> FileKind:
        """What kind of file one image becomes when it is marked."""
        return "png"

    def lesion_mask(self, index: int) -> LesionMask | None:
        """The given lesion mask of one image, bool ``(h, w)``; None where the data set has none."""
        return None

    def kind_masks(self, index: int) -> KindMasks | None:
        """The given masks of one image, bool ``(k, h, w)`` in the order of ``kinds``; None where there are none."""
        mask = self.lesion_mask(index)
        return None if mask is None else mask[None]

    def has_mask(self, index: int) -> bool:
        """Whether one image has given masks; they may be empty."""
        return self.lesion_mask(index) is not None

    def shape(self, index: int) -> tuple[int, int]:
        """Height and width of one image as its item has them."""
        height, width = self.pixels(index).shape[:2] if self.size is None else (self.size, self.size)
        return height, width

    def check(self) -> None:
        """Read every image once, so that a bad file stops the work before it starts.

        Raises:
            InputError: an image can not be read.
        """
        workers = min(8, os.cpu_count() or 1)
        with ThreadPoolExecutor(workers) as pool:  # decoders release the interpreter lock
            deque(pool.map(self._check_one, range(len(self))), maxlen=0)

    def _check_one(self, index: int) -> None:
        self.pixels(index)
        self.lesion_mask(index)

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, index: int) -> Item:
        stored = self.stored(index)
        image, deep = self._sized(stored)
        lesion = self._lesion(index)
        if self.size is not None:
            lesion = None if lesion is None else resize_mask(lesion, (self.size, self.size))
        if self.augmentation is not None:
            image, deep = self.augmentation(image), None
        return Item(image, self.labels[index], self.ids[index], is_grey(stored.pixels), lesion, deep)

    def _sized(self, stored: Stored) -> tuple[Images, Stored | None]:
        """An image in its working size as models see it, and as its file is to hold it where that is more."""
        if stored.plain:
            image = to_tensor(stored.view)
            return image if self.size is None else resize(image[None], (self.size, self.size))[0], None
        if self.augmentation is not None:  # nobody writes what it makes
            stored = Stored(stored.view)
            return self._sized(stored)
        sized = stored if self.size is None else resize_stored(stored, (self.size, self.size))
        return to_tensor(sized.view), sized

    def _lesion(self, index: int) -> Tensor | None:
        mask = None if self.augmentation is not None else self.lesion_mask(index)
        return None if mask is None else torch.from_numpy(mask)


class ImageDataModule(LightningDataModule, ABC):
    """Loaders over the splits of one data set.

    Subclasses set ``classes`` and give `splits`.

    Args:
        size: working size in pixels: images become size x size; None keeps each image's own.
        batch_size: images a training or test batch.
        workers: loader processes, which read ahead; 0 reads in the main process.
        augment: turn and shift the training images, and change their brightness.
        balanced: draw training images with replacement, so that every class comes equally often.
    """

    classes: tuple[str, ...]
    kinds: tuple[str, ...] = ONE_KIND
    """The kinds of lesions that the masks tell apart."""

    def __init__(
        self,
        size: int | None = None,
        batch_size: int = 32,
        workers: int = 0,
        *,
        augment: bool = True,
        balanced: bool = False,
    ) -> None:
        super().__init__()
        check_at_least(1, batch_size=batch_size, **({} if size is None else {"size": size}))
        check_at_least(0, workers=workers)
        self.size = size
        self.batch_size = batch_size
        self.workers = workers
        self.augment = augment
        self.balanced = balanced

    @abstractmethod
    def splits(self) -> Mapping[Split, ImageDataset]:
        """The data sets by split; an absent split has no images."""

    def split(self, name: Split) -> ImageDataset:
        """One split; ``test`` falls back to ``val`` where a data set has no test images of its own.

        Raises:
            InputError: the split has no images.
        """
        splits = self.splits()
        found = splits.get(name) or (splits.get("val") if name == "test" else None)
        if not found:
            has = ", ".join(splits) or "no images at all"
            raise InputError(f"expected images in the split {name!r}, found none; the data set has {has}")
        return found

    def train_dataloader(self) -> DataLoader[Item]:
        """Shuffled, augmented training batches."""
        self.check_every_class_is_trained()
        dataset = self.training_images()
        return self.training_loader(dataset, dataset.labels)

    def val_dataloader(self) -> DataLoader[Item]:
        """Validation batches."""
        return self.loader(self.split("val"))

    def test_dataloader(self) -> DataLoader[Item]:
        """Test batches."""
        return self.loader(self.split("test"))

    def items_dataloader(self, dataset: ImageDataset, batch_size: int, skip: frozenset[str]) -> DataLoader[Item]:
        """Batches of items as lists, so that images of different sizes can share one.

        Loader processes hand over arrays in place of tensors, which would take a file descriptor each.

        Args:
            dataset: a split, or some of its images.
            batch_size: items a batch.
            skip: ids to leave out.
        """
        wanted = [index for index, id_ in enumerate(dataset.ids) if id_ not in skip]
        chosen, collate = Subset(dataset, wanted), _as_arrays if self.workers else list[Item]
        return DataLoader(chosen, batch_size=batch_size, num_workers=self.workers, collate_fn=collate)

    def training_images(self) -> ImageDataset:
        """The training images, augmented if they are to be."""
        dataset = copy(self.split("train"))  # whoever else reads the split reads it without augmentation
        dataset.augmentation = Augmentation() if self.augment else None
        return dataset

    def training_loader(
        self,
        dataset: Dataset[Any],
        labels: Sequence[int],
        **options: Any,  # noqa: ANN401
    ) -> DataLoader[Any]:
        """Shuffled or balanced batches.

        Args:
            dataset: what to train on; its ``augmentation`` is drawn anew in every loader process.
            labels: class of each of its items.
            options: see `loader`.
        """
        sampler = _balanced_sampler(labels) if self.balanced else None
        # A last batch of one breaks batch norm.
        whole = len(labels) > self.batch_size
        return self.loader(dataset, sampler=sampler, shuffle=sampler is None, drop_last=whole, **options)

    def loader(self, dataset: Dataset[Any], **options: Any) -> DataLoader[Any]:  # noqa: ANN401
        """Batches of any data set, read as this one's.

        Args:
            dataset: its items are collated as `Item`.
            options: of ``DataLoader``; they replace this module's own.
        """
        own: dict[str, Any] = {
            "batch_size": self.batch_size,
            "num_workers": self.workers,
            "collate_fn": collate_items,
            "worker_init_fn": _reseed,
            "persistent_workers": self.workers > 0,
            "pin_memory": torch.cuda.is_available(),
        }
        return DataLoader(dataset, **(own | options))

    def check_every_class_is_trained(self) -> None:
        """There are classes to tell apart, and every one has a training image.

        Raises:
            InputError: there is one class only, or a class has no image.
        """
        if len(self.classes) < 2:
            raise InputError(f"expected two or more classes to tell apart, found only {', '.join(self.classes)}")
        dataset = self.split("train")
        missing = [name for index, name in enumerate(self.classes) if index not in set(dataset.labels)]
        if missing:
            raise InputError(
                f"expected training images of every class, found none of {', '.join(missing)}; "
                "add some, or take the class out"
            )


def _balanced_sampler(labels: Sequence[int]) -> WeightedRandomSampler:
    """Each image with the inverse of its class's size; as many draws as there are images."""
    sizes = Counter(labels)
    return WeightedRandomSampler([1 / sizes[label] for label in labels], len(labels))


def _reseed(_: int) -> None:
    worker = get_worker_info()
    augmentation = getattr(worker.dataset, "augmentation", None) if worker is not None else None
    if augmentation is not None:
        augmentation.reseed()


def _as_arrays(items: Sequence[Item]) -> list[Item]:
    arrays: list[dict[str, Any]] = [
        {"image": item.image.numpy(), "lesion": None if item.lesion is None else item.lesion.numpy()} for item in items
    ]
    return [item._replace(**parts) for item, parts in zip(items, arrays, strict=True)]


def stored_of(item: Item) -> Stored:
    """An item's image as its file holds it, in the working size."""
    return Stored(from_tensor(item.image, grey=item.grey)) if item.stored is None else item.stored


def collate_items(items: Sequence[Item]) -> tuple[Images, Labels]:
    """Stack items of one size into a batch.

    Raises:
        InputError: the images differ in size.
    """
    return stack_images([item.image for item in items]), torch.tensor([item.label for item in items])


def stack_images(images: Sequence[Images]) -> Images:
    """One batch of images of one size.

    Raises:
        InputError: the images differ in size.
    """
    check_one_size(sorted({(image.shape[1], image.shape[2]) for image in images}))
    return torch.stack(list(images))


def check_one_size(sizes: Sequence[tuple[int, int]]) -> None:
    """All images have one height and width.

    Raises:
        InputError: they do not.
    """
    if len(sizes) > 1:
        found = " and ".join(f"{width}x{height}" for height, width in sizes[:2])
        raise InputError(f"expected images of one size, found {found}; give a data.size")
