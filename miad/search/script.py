"""A search written as a generator: it yields placements and is sent their scores."""

from collections.abc import Generator
from typing import TypeAlias

from torch import Tensor

from miad.search.base import Search
from miad.watermark import Placement

Script: TypeAlias = Generator[Placement, Tensor, None]
"""Yields placements and gets the label's confidence, float32 ``(n,)``, for each; ends when it has no more."""


class ScriptedSearch(Search):
    """Follows a script.

    Args:
        script: what to ask, as far as the answers let it.
        counts_repeats: see `Search`; likewise keeps.
        keeps: none by default.
    """

    def __init__(self, script: Script, *, counts_repeats: bool = False, keeps: int | None = None) -> None:
        self.counts_repeats, self.keeps = counts_repeats, keeps
        self._script = script
        self._asked = next(script, Placement.empty())

    def ask(self) -> Placement:
        """What the script yielded last."""
        return self._asked

    def tell(self, confidence: Tensor) -> None:
        """Send the scores to the script."""
        try:
            self._asked = self._script.send(confidence)
        except StopIteration:
            self._asked = Placement.empty()
