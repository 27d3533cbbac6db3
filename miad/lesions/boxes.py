"""Boxes around the connected regions of a mask (MIAD-MARK's boxes; MedLocker's step 4)."""

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from miad.tensors import LesionMask


class Box(NamedTuple):
    """A rectangle of pixels."""

    x: int
    y: int
    width: int
    height: int


def find_boxes(mask: LesionMask) -> list[Box]:
    """The box around every 8-connected region, in the order of the regions' first rows."""
    _, _, statistics, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return [Box(*map(int, row[:4])) for row in statistics[1:]]  # the first is the background


def merge_boxes(boxes: Iterable[Box], iou: float) -> list[Box]:
    """Merge boxes until no two overlap by more than ``iou`` (intersection over union), those that overlap most first.

    MedLocker's eq. 7 as printed takes the larger width for the merged box's width and height; here it is the smallest
    box that holds both.
    """
    left = list(dict.fromkeys(boxes))
    while len(left) > 1:
        overlaps = np.triu(_overlaps(left), k=1)
        first, second = np.unravel_index(overlaps.argmax(), overlaps.shape)
        if overlaps[first, second] <= iou:
            break
        joined = _around(left[first], left[second])
        left = [joined, *(box for index, box in enumerate(left) if index not in (first, second) and box != joined)]
    return left


def fill_boxes(boxes: Iterable[Box], shape: tuple[int, int]) -> LesionMask:
    """The pixels that lie in any box, bool ``(h, w)``."""
    filled = np.zeros(shape, bool)
    for x, y, width, height in boxes:
        filled[y : y + height, x : x + width] = True
    return filled


def _overlaps(boxes: list[Box]) -> NDArray[np.float64]:
    x, y, width, height = np.array(boxes, np.float64).T
    across = np.minimum.outer(x + width, x + width) - np.maximum.outer(x, x)
    down = np.minimum.outer(y + height, y + height) - np.maximum.outer(y, y)
    shared = across.clip(min=0) * down.clip(min=0)
    area = width * height
    overlaps: NDArray[np.float64] = shared / (np.add.outer(area, area) - shared)
    return overlaps


def _around(one: Box, other: Box) -> Box:
    x, y = min(one.x, other.x), min(one.y, other.y)
    right, bottom = max(one.x + one.width, other.x + other.width), max(one.y + one.height, other.y + other.height)
    return Box(x, y, right - x, bottom - y)
