"""Boxes around the connected regions of a mask (MIAD-MARK's boxes; MedLocker's step 4)."""

from collections.abc import Iterable, Sequence
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
    overlaps = np.triu(_overlaps(left, left), k=1)
    while len(left) > 1:
        first, second = map(int, np.unravel_index(overlaps.argmax(), overlaps.shape))
        if overlaps[first, second] <= iou:
            break
        left[first] = _around(left[first], left.pop(second))
        overlaps = np.delete(np.delete(overlaps, second, 0), second, 1)
        own = _overlaps([left[first]], left)[0]
        overlaps[first, first + 1 :], overlaps[:first, first] = own[first + 1 :], own[:first]
    return list(dict.fromkeys(left))


def fill_boxes(boxes: Iterable[Box], shape: tuple[int, int]) -> LesionMask:
    """The pixels that lie in any box, bool ``(h, w)``."""
    filled = np.zeros(shape, bool)
    for x, y, width, height in boxes:
        filled[y : y + height, x : x + width] = True
    return filled


def _overlaps(some: Sequence[Box], others: Sequence[Box]) -> NDArray[np.float32]:
    """Intersection over union of every pair."""
    x, y, width, height = np.array(some, np.float32).reshape(-1, 4).T[:, :, None]
    u, v, wide, high = np.array(others, np.float32).reshape(-1, 4).T[:, None, :]
    across = np.minimum(x + width, u + wide) - np.maximum(x, u)
    down = np.minimum(y + height, v + high) - np.maximum(y, v)
    shared = across.clip(min=0) * down.clip(min=0)
    overlaps: NDArray[np.float32] = shared / (width * height + wide * high - shared)
    return overlaps


def _around(one: Box, other: Box) -> Box:
    x, y = min(one.x, other.x), min(one.y, other.y)
    right, bottom = max(one.x + one.width, other.x + other.width), max(one.y + one.height, other.y + other.height)
    return Box(x, y, right - x, bottom - y)
