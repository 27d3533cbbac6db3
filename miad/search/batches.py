"""Work a batch at a time; where the device's memory does not do, batches get smaller and the work goes on."""

import logging
from collections.abc import Callable
from typing import TypeVar

import torch

from miad.errors import RunError

T = TypeVar("T")

_log = logging.getLogger(__name__)


class Batches:
    """The size of batches, which only ever falls.

    Args:
        size: things at a time.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def map(self, work: Callable[[slice], T], count: int) -> list[T]:
        """Do the work for so many things, a slice at a time.

        Args:
            work: is called with each slice, in order; again with the first half of one that did not fit.
            count: how many things.

        Raises:
            RunError: one thing alone does not fit.
        """
        done: list[T] = []
        start = 0
        while start < count:
            part = slice(start, min(start + self.size, count))
            try:
                done.append(work(part))
            except torch.OutOfMemoryError as error:
                self._halve(part, error)
            else:
                start = part.stop
        return done

    def _halve(self, part: slice, error: Exception) -> None:
        if part.stop - part.start == 1:
            raise RunError("the device's memory does not hold one image at a time; give smaller images") from error
        self.size = (part.stop - part.start) // 2
        _log.warning("out of memory: going on with batches of %d", self.size)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
