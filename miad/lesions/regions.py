"""From a lesion mask to what the logo must not meet (MedLocker's steps 2 to 4)."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import torch
from torch import Tensor

from miad.errors import InputError, check_at_least
from miad.lesions.boxes import Box, fill_boxes, find_boxes, merge_boxes
from miad.tensors import LesionMask


@dataclass(frozen=True)
class Regions:
    """How a mask becomes the pixels that are blocked.

    Args:
        shape: box blocks the rectangle around every connected region, pixel the region's own pixels.
        grow: reach in share of the image's width by which the mask is dilated, so that neighbouring spots become one
            region. MedLocker's 10x10 kernel, applied 10 times to photographs 4288 wide, reaches 45 pixels: 0.0105.
        smallest: regions of at most this share of the image are dropped, with the lesions in them; MedLocker's 5e4
            pixels of such a photograph are 0.004. 0 drops none.
        margin: pixels around what is left that are blocked as well.
        merge: boxes that overlap by more than this (intersection over union) become one (MedLocker's gamma).
    """

    shape: Literal["box", "pixel"] = "box"
    grow: float = 0.0
    smallest: float = 0.0
    margin: int = 0
    merge: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what no mask can become.

        Raises:
            InputError: a share is not within 0..1, or the margin is negative.
        """
        for name, share in (("grow", self.grow), ("smallest", self.smallest), ("merge", self.merge)):
            if not 0 <= share <= 1:
                raise InputError(f"expected {name} between 0 and 1, found {share}")
        check_at_least(0, margin=self.margin)

    def block(self, masks: Tensor) -> Tensor:
        """What is blocked in each image.

        Args:
            masks: bool ``(n, h, w)``.

        Returns:
            bool ``(n, h, w)`` on the same device. Holds every pixel of the mask that was not dropped as too small.
        """
        if self.shape == "pixel" and not (self.grow or self.smallest or self.margin):
            return masks
        blocked = [self._block(mask) for mask in masks.cpu().numpy()]
        return torch.from_numpy(np.stack(blocked)).to(masks.device) if blocked else masks

    def boxes(self, mask: LesionMask) -> list[Box]:
        """The boxes of one mask, bool ``(h, w)``; merged."""
        return merge_boxes(find_boxes(self._kept(mask)), self.merge)

    def _block(self, mask: LesionMask) -> LesionMask:
        return fill_boxes(self.boxes(mask), mask.shape) if self.shape == "box" else self._kept(mask)

    def _kept(self, mask: LesionMask) -> LesionMask:
        """Dilated, without small regions, and with the margin."""
        grown = _dilate(mask, round(self.grow * mask.shape[1]))
        return _dilate(_without_small(grown, self.smallest * mask.size), self.margin)


def _dilate(mask: LesionMask, reach: int) -> LesionMask:
    """Every pixel within ``reach`` rows and columns of the mask."""
    if not reach:
        return mask
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel), bool)


def _without_small(mask: LesionMask, area: float) -> LesionMask:
    if not area:
        return mask
    _, labels, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    large = statistics[:, cv2.CC_STAT_AREA] > area
    large[0] = False
    return np.asarray(large[labels], bool)
