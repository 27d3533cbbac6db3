"""One image's search as the pool flies it: what was asked, what was scored, what it came to."""

from bisect import bisect_right, insort
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import NamedTuple

import torch

from miad.errors import check_at_least, check_share
from miad.search.base import Search
from miad.search.host import Host
from miad.watermark import Placement


class Status(StrEnum):
    """What became of an image."""

    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    INFEASIBLE = "infeasible"


@dataclass(frozen=True)
class Outcome:
    """What a search found for one image.

    Args:
        status: success, or failed.
        placement: one entry: what ended the search, or the best that was scored.
        queries: images scored up to the end, the clean image included.
        confidence: the label's confidence there.
    """

    status: Status
    placement: Placement
    queries: int
    confidence: float


@dataclass(frozen=True)
class Stop:
    """When an image's search ends.

    Args:
        margin: only when another class leads by this much, 0 to 1; marks of a larger lead fool more classifiers that
            were not searched on, and take more queries. Where none gets there, the largest lead is kept.
        budget: most queries an image, the clean one included; by default as many as the search asks for.
    """

    margin: float = 0.0
    budget: int | None = None

    def __post_init__(self) -> None:
        """Refuse what ends nothing, or everything.

        Raises:
            InputError: an option is out of its range.
        """
        check_share(margin=self.margin)
        if self.budget is not None:
            check_at_least(2, budget=self.budget)


FIRST_SUCCESS = Stop()
"""The papers' rule."""


class Score(NamedTuple):
    """What the sources make of one candidate."""

    confidence: float
    """Of the label."""
    lead: float
    """By how much the sources misread it; negative where they read it."""
    misread: bool

    def ends(self, stop: Stop) -> bool:
        """Whether it ends its image's search."""
        return self.misread and self.lead >= stop.margin

    def beats(self, other: "Score | None") -> bool:
        """Misread before read; the larger lead, or the lower confidence, before the other."""
        return other is None or self._rank() < other._rank()

    def _rank(self) -> tuple[bool, float]:
        return (not self.misread, -self.lead if self.misread else self.confidence)


class Flight:
    """One image in flight.

    Args:
        host: the image.
        search: what it follows.
        stop: when it ends.
        confirm: has the last word on every misread candidate that is the best so far; costs a query.
    """

    def __init__(
        self,
        host: Host,
        search: Search,
        stop: Stop = FIRST_SUCCESS,
        confirm: Callable[[Placement], Score] | None = None,
    ) -> None:
        self.host = host
        self.outcome: Outcome | None = None
        self._search, self._stop, self._confirm = search, stop, confirm
        self._queries, self._confirmed = 1, 0
        self._known: dict[tuple[int, ...], float] = {}
        self._best: tuple[Score, Placement] | None = None
        self._lowest: list[float] = []
        self._ask()

    @property
    def waiting(self) -> int:
        """Candidates still to be scored before the search goes on, as far as the budget lets it."""
        return max(0, bisect_right(self._numbers, self._limit) - self._done)

    @property
    def _limit(self) -> float:
        """Most queries of the search itself: one is left for a confirmation."""
        budget = self._stop.budget
        return inf if budget is None else budget - self._confirmed - (self._confirm is not None)

    def take(self, count: int) -> Placement:
        """The next candidates to score."""
        return self._asked[torch.tensor(self._todo[self._done : self._done + count])]

    @property
    def cutoff(self) -> float:
        """Confidence above which a candidate that is read correctly makes no difference, whatever it is exactly."""
        keeps = self._search.keeps
        if self._best is None or keeps is None or len(self._lowest) < keeps:
            return inf
        return max(self._lowest[-1], self._best[0].confidence)

    def receive(self, scores: list[Score]) -> None:
        """Book the scores of what was taken, in order, up to what ends the search."""
        for given in scores:
            if not self.waiting:
                break
            index, self._queries = self._todo[self._done], self._numbers[self._done]
            self._done += 1
            self._known[self._rows[index]] = given.confidence
            self._remember(given.confidence)
            placement = self._asked[index : index + 1]
            score = self._confirmation(placement, given)
            if score.beats(None if self._best is None else self._best[0]):
                self._best = score, placement
            if score.ends(self._stop):
                self._finish()
                return
        while not (self.waiting or self.outcome):
            self._answer()

    def _confirmation(self, placement: Placement, score: Score) -> Score:
        """What counts: what was scored, or, for a misread one that is the best so far, what confirms it or does not."""
        best = None if self._best is None else self._best[0]
        if self._confirm is None or not score.misread or not score.beats(best):
            return score
        self._confirmed += 1
        return self._confirm(placement)

    def _remember(self, confidence: float) -> None:
        """Keep the lowest confidences, as many as the search goes on from."""
        insort(self._lowest, confidence)
        del self._lowest[self._search.keeps or 0 :]

    def _answer(self) -> None:
        """Tell the search its scores and ask for more, unless the budget is spent."""
        if self._done < len(self._todo) or self._after > self._limit:
            if self._search.counts_repeats:
                self._queries = max(self._queries, int(self._limit))
            self._finish()
            return
        self._queries = self._after
        self._search.tell(torch.tensor([self._known[row] for row in self._rows]))
        self._ask()

    def _ask(self) -> None:
        self._asked = self._search.ask()
        self._rows = list(map(tuple, self._asked.rows().tolist()))
        numbered = list(self._numbered())
        self._todo, self._numbers, self._done = [index for index, _ in numbered], [number for _, number in numbered], 0
        self._after = self._queries + (len(self._rows) if self._search.counts_repeats else len(self._todo))
        if not self._rows:
            self._finish()

    def _numbered(self) -> Iterator[tuple[int, int]]:
        """What was asked and never scored before, by its index, with the queries up to it."""
        fresh: set[tuple[int, ...]] = set()
        for index, row in enumerate(self._rows):
            if row not in self._known and row not in fresh:
                fresh.add(row)
                yield index, self._queries + (index + 1 if self._search.counts_repeats else len(fresh))

    def _finish(self) -> None:
        if self._best is None:
            raise RuntimeError("a search asked for nothing at all")
        score, placement = self._best
        status = Status.SUCCESS if score.misread else Status.FAILED
        self.outcome = Outcome(status, placement, self._queries + self._confirmed, score.confidence)
