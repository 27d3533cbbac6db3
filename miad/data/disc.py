"""Fundus photographs cut out to the disc, resized, and kept, so that megapixels are decoded once."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from miad.data.base import ONE_KIND
from miad.data.files import FileDataset, ImageFile, read_matching_mask
from miad.errors import check_at_least
from miad.imaging import (
    FileKind,
    Stored,
    from_tensor,
    is_grey,
    read_image,
    read_mask,
    resize,
    resize_mask,
    to_tensor,
    write_png,
)
from miad.tensors import LesionMask, Pixels

_Scalar = TypeVar("_Scalar", bound=np.generic)

_DARK = 20
"""Grey levels; the border of a photograph is black but for the camera's noise."""


class Square(NamedTuple):
    """The square around the disc; it may reach beyond the photograph where that cuts the disc off."""

    x: int
    y: int
    side: int


def find_disc(photograph: Pixels) -> Square:
    """The smallest square, centred on the disc, that holds every pixel which is not dark.

    Args:
        photograph: uint8 ``(h, w)`` or ``(h, w, 3)``; one that is dark everywhere counts as all disc.
    """
    bright = np.atleast_3d(photograph).max(axis=2) > _DARK
    rows, columns = (np.flatnonzero(bright.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        rows, columns = (np.arange(length) for length in bright.shape)
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    side = max(bottom - top, right - left)
    return Square(int(left + right - side) // 2, int(top + bottom - side) // 2, int(side))


def cut(pixels: NDArray[_Scalar], square: Square) -> NDArray[_Scalar]:
    """The pixels of a square, black beyond the photograph's edges."""
    x, y, side = square
    height, width = pixels.shape[:2]
    out = np.zeros((side, side, *pixels.shape[2:]), pixels.dtype)
    top, left = max(y, 0), max(x, 0)
    part = pixels[top : min(y + side, height), left : min(x + side, width)]
    out[top - y : top - y + part.shape[0], left - x : left - x + part.shape[1]] = part
    return out


class DiscDataset(FileDataset):
    """Fundus photographs, cut out to the disc and resized to one side; their masks alike.

    Args:
        files: the photographs; their ids are paths relative to ``root``.
        size: working size, as in `FileDataset`.
        root: the data set's folder.
        side: side in pixels of the squares.
        cache: folder that keeps the squares as PNG; one is made again when its photograph or mask is newer.
        kinds: as in `FileDataset`.
    """

    def __init__(
        self,
        files: Sequence[ImageFile],
        size: int | None,
        root: Path,
        side: int,
        cache: Path,
        kinds: Sequence[str] = ONE_KIND,
    ) -> None:
        super().__init__(files, size, kinds)
        check_at_least(1, side=side)
        self.root = root
        self.side = side
        self.cache = cache / f"{side}"

    def pixels(self, index: int) -> Pixels:
        """The square around the disc, uint8 ``(side, side, 3)``."""
        photograph = self.files[index].path
        kept = self._kept(photograph)
        if not _is_newer(kept, photograph):
            whole = read_image(photograph)
            write_png(kept, _shrink(cut(whole, find_disc(whole)), self.side))
        return read_image(kept)

    def stored(self, index: int) -> Stored:
        """The square, whatever the photograph's file is."""
        return Stored(self.pixels(index))

    def file_kind(self, index: int) -> FileKind:
        """Squares are PNG."""
        return "png"

    def shape(self, index: int) -> tuple[int, int]:
        """The same for all."""
        side = self.side if self.size is None else self.size
        return side, side

    def _stored_shape(self, index: int) -> tuple[int, int]:
        return self.side, self.side

    def _mask(self, mask: Path, image: Path) -> LesionMask:
        """A mask in the same square as its photograph; a pixel is lesion if any part of it was."""
        kept = self._kept(mask)
        if not _is_newer(kept, mask) or not _is_newer(kept, image):
            square = find_disc(read_image(image))
            lesion = torch.from_numpy(cut(read_matching_mask(mask, image), square))
            write_png(kept, 255 * resize_mask(lesion, (self.side, self.side)).to(torch.uint8).numpy())
        return read_mask(kept)

    def _kept(self, original: Path) -> Path:
        relative = original.relative_to(self.root)
        return self.cache / relative.with_name(f"{relative.name}.png")


def _is_newer(kept: Path, original: Path) -> bool:
    return kept.exists() and original.exists() and kept.stat().st_mtime_ns >= original.stat().st_mtime_ns


def _shrink(square: Pixels, side: int) -> Pixels:
    resized = resize(to_tensor(square)[None], (side, side))[0]
    return from_tensor(resized, grey=is_grey(square))
