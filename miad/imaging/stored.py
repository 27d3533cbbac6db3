"""One image as its file holds it: its own depth, its own kind of file."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from miad.imaging.dicom.shell import Shell
from miad.imaging.window import IDENTITY, Window
from miad.tensors import Pixels, StoredPixels

FileKind: TypeAlias = Literal["png", "tiff", "dicom"]
"""What a file is written as; whatever is none of these comes in as its pixels and goes out as PNG."""

SUFFIXES: dict[FileKind, str] = {"png": ".png", "tiff": ".tif", "dicom": ".dcm"}


@dataclass(frozen=True, eq=False)
class Stored:
    """An image and how it lies in its file.

    Args:
        pixels: ``(h, w)`` when grey, ``(h, w, 3)`` when RGB, in the file's own depth.
        window: which levels are seen.
        limits: lowest and highest level that the file can store.
        kind: of the file.
        shell: of a DICOM file, all of it but its pixels.
    """

    pixels: StoredPixels
    window: Window = IDENTITY
    limits: tuple[int, int] = (0, 255)
    kind: FileKind = "png"
    shell: Shell | None = None

    @property
    def view(self) -> Pixels:
        """What models and screens see, uint8."""
        return self.window.view(self.pixels)

    @property
    def plain(self) -> bool:
        """Whether a PNG of the view is all there is to it."""
        return self.kind == "png" and self.pixels.dtype == np.uint8

    @property
    def deep(self) -> bool:
        """Whether its levels are others than those that are seen."""
        return (self.ends, self.limits) != ((0, 255), (0, 255))

    @property
    def ends(self) -> tuple[int, int]:
        """The stored levels of black and white."""
        return self.window.ends(self.limits)
