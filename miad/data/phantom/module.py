"""The phantom as a data set: image number i is the same on every machine."""

from collections.abc import Mapping
from typing import Any

from miad.data.base import ImageDataModule, ImageDataset, Split
from miad.data.phantom.images import CLASSES, Kind, PhantomImage, draw_phantom, phantom_label
from miad.errors import check_at_least
from miad.tensors import LesionMask, Pixels


class Phantom(ImageDataModule):
    """Fundus photographs or brain slices drawn from a seed; image number i is the same on every machine.

    Args:
        kind: ``brain`` (grey; glioma, meningioma, pituitary) or ``fundus`` (RGB; grades 0 to 3).
        size: side of the square images in pixels.
        train: number of training images.
        val: number of validation images.
        test: number of test images.
        seed: seed of the scenes.
        loading: see `ImageDataModule`.
    """

    def __init__(
        self,
        kind: Kind = "brain",
        size: int = 64,
        train: int = 1200,
        val: int = 240,
        test: int = 240,
        seed: int = 2023,
        **loading: Any,  # noqa: ANN401  (the options of ImageDataModule)
    ) -> None:
        super().__init__(None, **loading)  # drawn at their size, never resized
        check_at_least(32, size=size)
        check_at_least(0, train=train, val=val, test=test, seed=seed)
        self.classes = CLASSES[kind]
        counts: dict[Split, int] = {"train": train, "val": val, "test": test}
        self._datasets: dict[Split, ImageDataset] = {}
        first = 0
        for name, count in counts.items():
            if count:
                self._datasets[name] = PhantomDataset(kind, size, seed, range(first, first + count))
            first += count

    def splits(self) -> Mapping[Split, ImageDataset]:
        """Disjoint ranges of image numbers."""
        return self._datasets


_ROOM = 2**26
"""Bytes of drawn images that a split keeps: all of a small set, and no more of a large one."""


class PhantomDataset(ImageDataset):
    """Phantom images by number; the first ones drawn are kept, as many as there is room for.

    Args:
        kind: ``brain`` or ``fundus``.
        size: side in pixels.
        seed: seed of the scenes.
        numbers: the image numbers of this split.
    """

    def __init__(self, kind: Kind, size: int, seed: int, numbers: range) -> None:
        ids = [f"{kind}-{number:05d}.png" for number in numbers]
        super().__init__(ids, [phantom_label(kind, seed, number) for number in numbers])
        self.kind: Kind = kind
        self.side = size
        self.seed = seed
        self.numbers = numbers
        self._drawn: dict[int, PhantomImage] = {}
        self._latest: tuple[int, PhantomImage] | None = None

    def pixels(self, index: int) -> Pixels:
        """Draw one image."""
        return self._draw(index).pixels

    def lesion_mask(self, index: int) -> LesionMask | None:
        """The lesions as drawn."""
        return self._draw(index).lesion_mask

    def has_mask(self, index: int) -> bool:
        """All have one."""
        return True

    def shape(self, index: int) -> tuple[int, int]:
        """Known without drawing anything."""
        return (self.side, self.side) if self.size is None else super().shape(index)

    def _draw(self, index: int) -> PhantomImage:
        latest = self._latest  # pixels and mask are asked for one after the other, and threads share this
        if latest is not None and latest[0] == index:
            return latest[1]
        image = self._drawn.get(index) or draw_phantom(self.kind, self.side, self.seed, self.numbers[index])
        # Nothing is dropped for a later image: who reads all images again and again would always come too late.
        if len(self._drawn) * (image.pixels.nbytes + image.lesion_mask.nbytes) < _ROOM:
            self._drawn[index] = image
        self._latest = index, image
        return image
