"""Images that are in memory already."""

import operator
from collections.abc import Sequence
from typing import SupportsIndex

import numpy as np

from miad.data.base import ImageDataset
from miad.errors import InputError
from miad.tensors import LesionMask, Pixels


class ArrayDataset(ImageDataset):
    """Arrays as a data set.

    Args:
        images: uint8 ``(h, w)`` or ``(h, w, 3)`` each, of any sizes.
        labels: index of each image's class.
        masks: each image's lesion mask, bool ``(h, w)``, or None where it has none.
        ids: one an image, unique; by default their numbers.

    Raises:
        InputError: there is no image, or something does not fit the images.
    """

    def __init__(
        self,
        images: Sequence[Pixels],
        labels: Sequence[SupportsIndex],
        masks: Sequence[LesionMask | None] | None = None,
        ids: Sequence[str] | None = None,
    ) -> None:
        if not len(images):
            raise InputError("expected one or more images, found none")
        given = {"labels": labels, "masks": masks, "ids": ids}
        for name, values in given.items():
            if values is not None and len(values) != len(images):
                raise InputError(f"expected {len(images)} {name}, one an image, found {len(values)}")
        self._images = [_pixels(number, image) for number, image in enumerate(images)]
        chosen = masks if masks is not None else [None] * len(images)
        self._masks = [_mask(number, mask, self._images[number]) for number, mask in enumerate(chosen)]
        names = list(map(str, range(len(images)) if ids is None else ids))
        if len(set(names)) < len(names):
            raise InputError("expected ids that differ, found one twice")
        super().__init__(names, [_label(number, label) for number, label in enumerate(labels)])

    def pixels(self, index: int) -> Pixels:
        """The array itself."""
        return self._images[index]

    def lesion_mask(self, index: int) -> LesionMask | None:
        """The mask itself."""
        return self._masks[index]


def _pixels(number: int, image: Pixels) -> Pixels:
    pixels = np.asarray(image)
    sound = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 3)
    if pixels.dtype != np.uint8 or not sound or not pixels.size:
        raise InputError(
            f"image {number}: expected uint8 pixels of (h, w) or (h, w, 3), found {pixels.dtype} of {pixels.shape}; "
            "no other depth is converted, because that could not be undone"
        )
    return pixels


def _mask(number: int, mask: LesionMask | None, image: Pixels) -> LesionMask | None:
    if mask is None:
        return None
    lesion = np.asarray(mask)
    if lesion.dtype != np.bool_ or lesion.shape != image.shape[:2]:
        raise InputError(
            f"mask {number}: expected bool of {image.shape[:2]}, as its image, found {lesion.dtype} of {lesion.shape}"
        )
    return lesion


def _label(number: int, label: SupportsIndex) -> int:
    try:
        return operator.index(label)
    except TypeError:
        raise InputError(f"label {number}: expected the index of a class, found {label!r}") from None
