"""The engine: many images in flight fill one batch; a solved image leaves and frees its place.

Batching changes nothing: for each image the first success in the order asked wins, and queries are counted up to it,
as if its candidates had been scored one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import torch

from miad.search.base import Search
from miad.targets import Ensemble
from miad.tensors import Images, Labels
from miad.watermark import Atlas, Placement, blend


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
        placement: one entry: the first success, or the best that was scored.
        queries: images scored up to and including it (all of them when failed), the clean image included.
        confidence: the label's confidence there.
    """

    status: Status
    placement: Placement
    queries: int
    confidence: float


@dataclass
class _Flight:
    """One image in flight: what its search asked for, and how far it was scored."""

    host: int
    search: Search
    asked: Placement
    confidences: list[float] = field(default_factory=list)
    queries: int = 1
    best: tuple[float, Placement] | None = None
    outcome: Outcome | None = None

    @property
    def waiting(self) -> int:
        return len(self.asked) - len(self.confidences)

    def take(self, count: int) -> Placement:
        start = len(self.confidences)
        return self.asked[start : start + count]

    def receive(self, scored: Placement, confidences: list[float], misread: list[bool]) -> None:
        """Book the scores in order, up to the first success."""
        for index, (confidence, success) in enumerate(zip(confidences, misread, strict=True)):
            self.queries += 1
            self.confidences.append(confidence)
            if self.best is None or confidence < self.best[0] or success:
                self.best = confidence, scored[index : index + 1]
            if success:
                self._finish(Status.SUCCESS)
                return
        if not self.waiting:
            self._next_generation()

    def _next_generation(self) -> None:
        self.search.tell(torch.tensor(self.confidences))
        self.asked, self.confidences = self.search.ask(), []
        if not len(self.asked):
            self._finish(Status.FAILED)

    def _finish(self, status: Status) -> None:
        if self.best is None:
            raise RuntimeError("a search asked for nothing at all")
        self.outcome = Outcome(status, self.best[1], self.queries, self.best[0])


class Pool:
    """Runs many searches against one ensemble.

    Args:
        ensemble: the sources.
        batch_size: candidates a forward pass.
    """

    def __init__(self, ensemble: Ensemble, batch_size: int) -> None:
        self.ensemble = ensemble
        self.batch_size = batch_size

    def run(self, hosts: Images, labels: Labels, searches: Sequence[Search], atlas: Atlas) -> list[Outcome]:
        """Search all images to their ends.

        Args:
            hosts: uint8 ``(n, 3, h, w)``, read correctly by every source when clean.
            labels: int64 ``(n,)``.
            searches: one an image.
            atlas: the rendered variants.

        Returns:
            One outcome an image, in order.
        """
        flights = [_Flight(host, search, search.ask()) for host, search in enumerate(searches)]
        while active := [flight for flight in flights if flight.outcome is None]:
            shares = self._shares(active)
            candidates = [flight.take(count) for flight, count in shares]
            owners = torch.tensor([flight.host for flight, count in shares for _ in range(count)], device=hosts.device)
            placement = Placement.cat(candidates).to(hosts.device)
            confidence, misread = self._score(hosts[owners], labels[owners], placement, atlas)
            start = 0
            for (flight, count), scored in zip(shares, candidates, strict=True):
                flight.receive(scored, confidence[start : start + count], misread[start : start + count])
                start += count
        return [flight.outcome for flight in flights if flight.outcome is not None]

    def _shares(self, active: Sequence[_Flight]) -> list[tuple[_Flight, int]]:
        """How many candidates each image gets in the next batch: as even as their needs allow, none wasted."""
        room, shares = self.batch_size, []
        by_need = sorted(active[: self.batch_size], key=lambda flight: flight.waiting)
        for left, flight in zip(range(len(by_need), 0, -1), by_need, strict=True):
            count = min(flight.waiting, room // left)
            room -= count
            shares.append((flight, count))
        return [(flight, count) for flight, count in shares if count]

    @torch.no_grad()
    def _score(
        self, hosts: Images, labels: Labels, placement: Placement, atlas: Atlas
    ) -> tuple[list[float], list[bool]]:
        probabilities = self.ensemble(blend(hosts, placement, atlas))
        confidence = self.ensemble.confidence(probabilities, labels)
        return confidence.tolist(), self.ensemble.misread(probabilities, labels).tolist()
