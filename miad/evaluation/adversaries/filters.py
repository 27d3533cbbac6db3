"""Adversaries who know nothing of the mark: filters of the whole image, and leaving it alone."""

from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from miad.errors import InputError
from miad.evaluation.adversaries.base import VisibleMark, full_name
from miad.tensors import Pixels

_LARGEST = 255
"""Pixels; what leaves no picture need not be larger, and OpenCV has limits of its own."""
_PATCH, _NEAR = 5, 13
"""Sides of what is compared and of where it is looked for, in pixels."""


class Nothing:
    """Leaves the mark where it is, so that tables have the row to compare with."""

    name = "nothing"

    def __call__(self, marked: Pixels, mark: VisibleMark) -> Pixels:
        """A copy of the image; see `Adversary`."""
        return marked.copy()


@dataclass(frozen=True)
class Jpeg:
    """Compress as JPEG and read it again, as Pillow does both; colour is subsampled as usual (4:2:0).

    Args:
        quality: 1..100.

    Raises:
        InputError: the quality is out of its range.
    """

    quality: int = 75

    def __post_init__(self) -> None:
        if not 1 <= self.quality <= 100:
            raise InputError(f"expected a JPEG quality between 1 and 100, found {self.quality}")

    @property
    def name(self) -> str:
        """As in the registry."""
        return full_name("jpeg", self.quality, Jpeg.quality)

    def __call__(self, marked: Pixels, mark: VisibleMark) -> Pixels:
        """Clean one image; see `Adversary`."""
        file = BytesIO()
        Image.fromarray(marked).save(file, "JPEG", quality=self.quality)
        return np.array(Image.open(file))


@dataclass(frozen=True)
class Median:
    """The median of a square round every pixel, channel by channel; the border is repeated outwards.

    Args:
        size: side of the square in pixels, odd, 3..255.

    Raises:
        InputError: the size is even or out of its range.
    """

    size: int = 3

    def __post_init__(self) -> None:
        if not 3 <= self.size <= _LARGEST or self.size % 2 == 0:
            raise InputError(f"expected an odd median size between 3 and {_LARGEST}, found {self.size}")

    @property
    def name(self) -> str:
        """As in the registry."""
        return full_name("median", self.size, Median.size)

    def __call__(self, marked: Pixels, mark: VisibleMark) -> Pixels:
        """Clean one image; see `Adversary`."""
        return cv2.medianBlur(np.ascontiguousarray(marked), self.size).astype(np.uint8, copy=False)


@dataclass(frozen=True)
class NonLocalMeans:
    """The mean over patches near by that look alike (Buades et al., 2005): takes off what is fine, a delta too.

    Args:
        strength: h, how unlike in levels patches may be, above 0, at most 255.

    Raises:
        InputError: the strength is out of its range.
    """

    strength: float = 12.0

    def __post_init__(self) -> None:
        if not 0 < self.strength <= _LARGEST:
            raise InputError(f"expected an nlm strength above 0 and up to {_LARGEST}, found {self.strength}")

    @property
    def name(self) -> str:
        """As in the registry."""
        return full_name("nlm", self.strength, NonLocalMeans.strength)

    def __call__(self, marked: Pixels, mark: VisibleMark) -> Pixels:
        """Clean one image; see `Adversary`."""
        image = np.ascontiguousarray(marked)
        if image.ndim == 2:
            cleaned = cv2.fastNlMeansDenoising(image, None, self.strength, _PATCH, _NEAR)
        else:
            cleaned = cv2.fastNlMeansDenoisingColored(image, None, self.strength, self.strength, _PATCH, _NEAR)
        return cleaned.astype(np.uint8, copy=False)


@dataclass(frozen=True)
class Blur:
    """A Gaussian blur; the image is mirrored at its border.

    Args:
        sigma: standard deviation in pixels, above 0, at most 255.

    Raises:
        InputError: sigma is out of its range.
    """

    sigma: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.sigma <= _LARGEST:
            raise InputError(f"expected a blur's sigma above 0 and up to {_LARGEST}, found {self.sigma}")

    @property
    def name(self) -> str:
        """As in the registry."""
        return full_name("blur", self.sigma, Blur.sigma)

    def __call__(self, marked: Pixels, mark: VisibleMark) -> Pixels:
        """Clean one image; see `Adversary`."""
        blurred = cv2.GaussianBlur(np.ascontiguousarray(marked), (0, 0), self.sigma)
        return blurred.astype(np.uint8, copy=False)


@dataclass(frozen=True)
class Resize:
    """Shrink by averaging over areas, and enlarge again by cubic interpolation.

    Args:
        factor: of both sides, above 0 and below 1; no side gets shorter than a pixel.

    Raises:
        InputError: the factor is out of its range.
    """

    factor: float = 0.5

    def __post_init__(self) -> None:
        if not 0 < self.factor < 1:
            raise InputError(f"expected a resize factor between 0 and 1, found {self.factor}")

    @property
    def name(self) -> str:
        """As in the registry."""
        return full_name("resize", self.factor, Resize.factor)

    def __call__(self, marked: Pixels, mark: VisibleMark) -> Pixels:
        """Clean one image; see `Adversary`."""
        height, width = marked.shape[:2]
        small = (max(1, round(self.factor * width)), max(1, round(self.factor * height)))
        shrunken = cv2.resize(np.ascontiguousarray(marked), small, interpolation=cv2.INTER_AREA)
        return cv2.resize(shrunken, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.uint8, copy=False)
