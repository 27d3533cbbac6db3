"""An image made from another one, in the same kind of file."""

from dataclasses import replace

import numpy as np
import torch

from miad.imaging.dicom.derivation import derive
from miad.imaging.resize import resize
from miad.imaging.stored import Stored
from miad.tensors import StoredPixels

_RESIZED = "resized"
_MARKED = "visible watermark added; the original is recovered with a key"


def with_mark(source: Stored, pixels: StoredPixels, run: str) -> Stored:
    """The image with marked pixels; a DICOM file tells that it was derived, and from which.

    Args:
        source: the image.
        pixels: of its depth.
        run: the same for all images that are to share a series when their sources do.
    """
    if source.kind == "dicom":
        return derive(source, pixels, _MARKED, run, burned_in=True)
    return replace(source, pixels=pixels)


def resize_stored(image: Stored, size: tuple[int, int]) -> Stored:
    """Resize an image to ``size`` (height, width) in its own depth, rounded to the nearest level."""
    if image.pixels.shape[:2] == size:
        return image
    pixels = _resized(image.pixels, size, image.limits)
    if image.kind == "dicom":
        return derive(image, pixels, f"{_RESIZED} to {size[1]}x{size[0]} pixels", _RESIZED)
    return replace(image, pixels=pixels)


def _resized(pixels: StoredPixels, size: tuple[int, int], limits: tuple[int, int]) -> StoredPixels:
    # Eight bits are resized as models see them; sixteen need more digits than a float32 has after a few sums.
    planes = np.atleast_3d(pixels).transpose(2, 0, 1)
    deep = planes if planes.dtype == np.uint8 else planes.astype(np.float64)
    resized = resize(torch.from_numpy(np.ascontiguousarray(deep))[None], size)[0].numpy()
    levels = np.rint(resized).clip(*limits).astype(pixels.dtype).transpose(1, 2, 0)
    return np.ascontiguousarray(levels if pixels.ndim == 3 else levels[..., 0])
