"""The engine: many images in flight fill one batch; a solved image leaves and frees its place.

Batching changes nothing: for each image the first candidate in the order asked that ends its search does so, and
queries are counted up to it, as if candidates had been scored one by one.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

import torch
from torch import Tensor

from miad.search.base import Search
from miad.search.batches import Batches
from miad.search.flight import FIRST_SUCCESS, Flight, Outcome, Score, Stop
from miad.targets import Ensemble, check_numbers, judge
from miad.tensors import Images, Labels
from miad.watermark import Atlas, Placement, blend

_DIGITS = 6
"""Of confidences; float32 has seven."""


class Pool:
    """Runs many searches against one ensemble.

    Args:
        ensemble: the sources.
        batch_size: candidates a forward pass.
        stop: when an image's search ends.
        prune: drop candidates that can not matter before all members were asked; it changes nothing but the time.
    """

    def __init__(self, ensemble: Ensemble, batch_size: int, stop: Stop = FIRST_SUCCESS, *, prune: bool = True) -> None:
        self.ensemble = ensemble
        self.batches = Batches(batch_size)
        self.stop = stop
        self.prune = prune

    def run(
        self,
        hosts: Images,
        labels: Labels,
        searches: Sequence[Search],
        atlas: Atlas,
        confirm: Callable[[int, Placement], Score] | None = None,
    ) -> list[Outcome]:
        """Search all images to their ends.

        Args:
            hosts: uint8 ``(n, 3, h, w)``, read correctly by every source when clean.
            labels: int64 ``(n,)``.
            searches: one an image.
            atlas: the rendered variants.
            confirm: has the last word, by host, on every misread candidate that is the best so far; costs a query.

        Returns:
            One outcome an image, in order.
        """
        flights = [
            Flight(host, search, self.stop, None if confirm is None else partial(confirm, host))
            for host, search in enumerate(searches)
        ]
        while active := [flight for flight in flights if flight.outcome is None]:
            shares = self._shares(active)
            placement = Placement.cat([flight.take(count) for flight, count in shares])
            owners = torch.tensor([flight.host for flight, count in shares for _ in range(count)])
            cutoff = torch.tensor([flight.cutoff for flight, count in shares for _ in range(count)])
            scores = iter(self.score(hosts, labels, owners, placement, atlas, cutoff if self.prune else None))
            for flight, count in shares:
                flight.receive(list(islice(scores, count)))
        return [flight.outcome for flight in flights if flight.outcome is not None]

    def _shares(self, active: Sequence[Flight]) -> list[tuple[Flight, int]]:
        """How many candidates each image gets in the next batch: as even as their needs allow, none wasted."""
        room, shares = self.batches.size, []
        by_need = sorted(active[:room], key=lambda flight: flight.waiting)
        for left, flight in zip(range(len(by_need), 0, -1), by_need, strict=True):
            count = min(flight.waiting, room // left)
            room -= count
            shares.append((flight, count))
        return [(flight, count) for flight, count in shares if count]

    def score(
        self,
        hosts: Images,
        labels: Labels,
        owners: Tensor,
        placement: Placement,
        atlas: Atlas,
        cutoff: Tensor | None = None,
    ) -> list[Score]:
        """What the sources make of candidates, a batch at a time.

        Args:
            hosts: uint8 ``(n, 3, h, w)``.
            labels: int64 ``(n,)``.
            owners: int64 ``(c,)``: the host of each candidate.
            placement: c entries.
            atlas: the rendered variants.
            cutoff: float ``(c,)``: confidences above which a candidate that is read correctly need not be told exactly;
                it is given up as soon as it can not be misread any more. By default all are told exactly.
        """

        def score(part: slice) -> list[Score]:
            own = owners[part].to(hosts.device)
            marked = blend(hosts[own], placement[part].to(hosts.device), atlas)
            return self._score(marked, labels[own], None if cutoff is None else cutoff[part].to(hosts.device))

        return [one for part in self.batches.map(score, len(owners)) for one in part]

    @torch.no_grad()
    def _score(self, marked: Images, labels: Labels, cutoff: Tensor | None) -> list[Score]:
        verdict = judge(self.ensemble, marked, labels, cutoff)
        check_numbers(self.ensemble.members, verdict.probabilities)
        # The last digits depend on the size of the batch; without them close calls hardly ever do.
        numbers = torch.stack([verdict.confidence, verdict.lead]).cpu().double().round(decimals=_DIGITS)
        columns = (*numbers.tolist(), verdict.misread.tolist())
        return list(map(Score, *columns))
