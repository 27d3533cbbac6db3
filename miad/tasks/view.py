"""What is shown of one image's lesion: what was known of it when it was marked, small enough to keep."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from miad.tasks.marking import Marking
from miad.tensors import LesionMask, Pixels

_SIDE = 512
"""Pixels; larger images are thinned out."""


@dataclass(frozen=True)
class LesionView:
    """One marked image, and what was known of its lesion; all of one size.

    Args:
        caption: id, status and scale.
        marked: uint8 ``(h, w)`` or ``(h, w, 3)``.
        shades: uint8 ``(h, w)``, the largest of the mask sources' shades.
        mask: what they take for the lesion.
        blocked: what the logo must not meet.
        corners: where its top-left corner may be.
        corner: column and row where it is, int64 ``(2,)``.
        lesion: the given mask; empty where there is none.
    """

    caption: str
    marked: Pixels
    shades: Pixels
    mask: LesionMask
    blocked: LesionMask
    corners: LesionMask
    corner: NDArray[np.int64]
    lesion: LesionMask


def view_of(marking: Marking, written: Pixels) -> LesionView:
    """The view of an image that was marked.

    Args:
        marking: with a placement.
        written: the pixels of its file.
    """
    room, (x, y, _, variant) = marking.room, marking.outcome.placement.rows()[0].tolist()
    free = room.space.corners[variant].numpy()
    corners = np.zeros(written.shape[:2], bool)
    corners[: free.shape[0], : free.shape[1]] = free
    lesion = np.zeros(written.shape[:2], bool) if marking.item.lesion is None else marking.item.lesion.numpy()
    step = -(-max(written.shape[:2]) // _SIDE)
    thin = np.s_[::step, ::step]
    return LesionView(
        caption=f"{marking.item.id}\n{marking.outcome.status}, scale {room.scale:g}",
        marked=written[thin],
        shades=room.shades.numpy()[thin],
        mask=room.mask.numpy()[thin],
        blocked=room.blocked.numpy()[thin],
        corners=corners[thin],
        corner=np.array([x // step, y // step]),
        lesion=lesion[thin],
    )
