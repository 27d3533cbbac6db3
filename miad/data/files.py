"""Images in files of their own, as most data sets have them."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path

import numpy as np

from miad.data.base import ONE_KIND, ImageDataset, Split
from miad.data.partition import partition
from miad.errors import InputError
from miad.imaging import FileKind, Stored, file_kind, image_size, read_mask, read_stored
from miad.tensors import KindMasks, LesionMask, Pixels


@dataclass(frozen=True)
class ImageFile:
    """One image of a data set.

    Args:
        id: unique within the data set; relative to its root, so that it is the same on every machine.
        path: the file.
        label: index of its class.
        patient: who must not be on both sides of a split; empty for a patient of his own.
        masks: files of lesion masks, each of the image's size; a pixel is lesion where any of them is not black.
        kinds: the kind of lesion of each mask; by default all show the data set's first kind.
        examined: whether somebody looked for lesions, so that an image without masks has none.
    """

    id: str
    path: Path
    label: int
    patient: str = ""
    masks: tuple[Path, ...] = ()
    kinds: tuple[str, ...] = ()
    examined: bool = False


class FileDataset(ImageDataset):
    """Images in files.

    Args:
        files: the images.
        size: working size: images become size x size; None keeps each image's own.
        kinds: the kinds of lesions that the masks tell apart.
    """

    def __init__(self, files: Sequence[ImageFile], size: int | None = None, kinds: Sequence[str] = ONE_KIND) -> None:
        super().__init__([file.id for file in files], [file.label for file in files], size, kinds)
        self.files = list(files)

    def pixels(self, index: int) -> Pixels:
        """Decode one file."""
        return self.stored(index).view

    def stored(self, index: int) -> Stored:
        """Decode one file."""
        return read_stored(self.files[index].path)

    def file_kind(self, index: int) -> FileKind:
        """From the file's first bytes."""
        return file_kind(self.files[index].path)

    def shape(self, index: int) -> tuple[int, int]:
        """From the file's header."""
        return self._stored_shape(index) if self.size is None else super().shape(index)

    def has_mask(self, index: int) -> bool:
        """Without reading any."""
        return self.files[index].examined or bool(self.files[index].masks)

    def lesion_mask(self, index: int) -> LesionMask | None:
        """The union of the image's masks.

        Raises:
            InputError: a mask can not be read, or is not of the image's size.
        """
        masks = self.kind_masks(index)
        return None if masks is None else np.logical_or.reduce(masks)

    def kind_masks(self, index: int) -> KindMasks | None:
        """The masks of each kind; one that has no file is empty.

        Raises:
            InputError: a mask can not be read, or is not of the image's size.
        """
        if not self.has_mask(index):
            return None
        file = self.files[index]
        masks = np.zeros((len(self.kinds), *self._stored_shape(index)), bool)
        for path, kind in zip(file.masks, file.kinds or repeat(self.kinds[0]), strict=False):
            masks[self.kinds.index(kind)] |= self._mask(path, file.path)
        return masks

    def _stored_shape(self, index: int) -> tuple[int, int]:
        return image_size(self.files[index].path)

    def _mask(self, mask: Path, image: Path) -> LesionMask:
        return read_matching_mask(mask, image)


def hold_out(files: Sequence[ImageFile], seed: int) -> dict[Split, list[ImageFile]]:
    """Split 3:1 into train and val, stratified by label, grouped by patient.

    Raises:
        InputError: too few images or patients.
    """
    held_out = partition([file.label for file in files], [file.patient for file in files], seed)
    return {
        "train": [file for file, out in zip(files, held_out, strict=True) if not out],
        "val": [file for file, out in zip(files, held_out, strict=True) if out],
    }


def read_matching_mask(mask: Path, image: Path) -> LesionMask:
    """A lesion mask, bool ``(h, w)`` as the image.

    Raises:
        InputError: the mask can not be read, or is not of the image's size.
    """
    (height, width), lesion = image_size(image), read_mask(mask)
    if lesion.shape != (height, width):
        h, w = lesion.shape
        raise InputError(f"{mask}: expected a mask of {width}x{height} as {image}, found {w}x{h}")
    return lesion
