"""The engine: many images in flight fill one batch; a solved image leaves and frees its place.

Batching changes nothing: for each image the first candidate in the order asked that ends its search does so, and
queries are counted up to it, as if candidates had been scored one by one. Nor does it matter which images fly together,
when they came, or whether they have one size.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice

import torch
from torch import Tensor

from miad.search.base import Search
from miad.search.batches import Batches
from miad.search.flight import FIRST_SUCCESS, Flight, Outcome, Score, Stop
from miad.search.host import Host
from miad.targets import Ensemble, Views, check_numbers, judge, views
from miad.tensors import Images, Labels
from miad.watermark import Atlas, Placement, blend

_DIGITS = 6
"""Of confidences; float32 has seven."""


class Pool:
    """Runs many searches against one ensemble; images may join while others fly.

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
        self._flights: list[Flight] = []

    def __len__(self) -> int:
        """Images in flight."""
        return len(self._flights)

    @property
    def fills_a_batch(self) -> bool:
        """Whether there are candidates enough for a whole batch."""
        return sum(flight.waiting for flight in self._flights) >= self.batches.size

    def add(self, host: Host, search: Search, confirm: Callable[[Placement], Score] | None = None) -> Flight:
        """Let one more image join.

        Args:
            host: the image, read correctly by every source when clean.
            search: what it follows.
            confirm: has the last word on every misread candidate that is the best so far; costs a query.
        """
        flight = Flight(host, search, self.stop, confirm)
        self._flights.append(flight)
        return flight

    def advance(self) -> list[Flight]:
        """Score one batch; the flights that it ended, which leave."""
        shares = self._shares()
        placement = Placement.cat([flight.take(count) for flight, count in shares])
        hosts = [flight.host for flight, count in shares for _ in range(count)]
        cutoff = torch.tensor([flight.cutoff for flight, count in shares for _ in range(count)])
        scores = iter(self.score(hosts, placement, cutoff if self.prune else None))
        for flight, count in shares:
            flight.receive(list(islice(scores, count)))
        ended = [flight for flight in self._flights if flight.outcome is not None]
        self._flights = [flight for flight in self._flights if flight.outcome is None]
        return ended

    def run(
        self,
        hosts: Images,
        labels: Labels,
        searches: Sequence[Search],
        atlas: Atlas,
        confirm: Callable[[int, Placement], Score] | None = None,
    ) -> list[Outcome]:
        """Search images of one size to their ends.

        Args:
            hosts: uint8 ``(n, 3, h, w)``.
            labels: int64 ``(n,)``.
            searches: one an image.
            atlas: the rendered variants.
            confirm: as of `add`, by the image's index.

        Returns:
            One outcome an image, in order.
        """
        flights = [
            self.add(Host(pixels, label, atlas), search, None if confirm is None else partial(confirm, index))
            for index, (pixels, label, search) in enumerate(zip(hosts, labels.tolist(), searches, strict=True))
        ]
        while len(self):
            self.advance()
        return [flight.outcome for flight in flights if flight.outcome is not None]

    def _shares(self) -> list[tuple[Flight, int]]:
        """How many candidates each image gets in the next batch: as even as their needs allow, none wasted."""
        room, shares = self.batches.size, []
        by_need = sorted(self._flights[:room], key=lambda flight: flight.waiting)
        for left, flight in zip(range(len(by_need), 0, -1), by_need, strict=True):
            count = min(flight.waiting, room // left)
            room -= count
            shares.append((flight, count))
        return [(flight, count) for flight, count in shares if count]

    def score(self, hosts: Sequence[Host], placement: Placement, cutoff: Tensor | None = None) -> list[Score]:
        """What the sources make of candidates, a batch at a time.

        Args:
            hosts: one a candidate.
            placement: one entry a candidate.
            cutoff: float ``(c,)``: confidences above which a candidate that is read correctly need not be told exactly;
                it is given up as soon as it can not be misread any more. By default all are told exactly.
        """

        def score(part: slice) -> list[Score]:
            return self._score(hosts[part], placement[part], None if cutoff is None else cutoff[part])

        return [one for part in self.batches.map(score, len(hosts)) for one in part]

    @torch.no_grad()
    def _score(self, hosts: Sequence[Host], placement: Placement, cutoff: Tensor | None) -> list[Score]:
        groups = _alike(hosts)
        order = [index for group in groups for index in group]
        seen = views((_composited(hosts, placement, group) for group in groups), self.ensemble.members)
        labels = torch.tensor([hosts[index].label for index in order], device=hosts[0].pixels.device)
        limits = None if cutoff is None else cutoff[order].to(labels.device)
        scores = dict(zip(order, self._judged(seen, labels, limits), strict=True))
        return [scores[index] for index in range(len(hosts))]

    def _judged(self, seen: Views, labels: Labels, cutoff: Tensor | None) -> list[Score]:
        verdict = judge(self.ensemble, seen, labels, cutoff)
        check_numbers(self.ensemble.members, verdict.probabilities)
        # The last digits depend on the size of the batch; without them close calls hardly ever do.
        numbers = torch.stack([verdict.confidence, verdict.lead]).cpu().double().round(decimals=_DIGITS)
        columns = (*numbers.tolist(), verdict.misread.tolist())
        return list(map(Score, *columns))


def _alike(hosts: Sequence[Host]) -> list[list[int]]:
    """Indices of the hosts that share an atlas, together."""
    groups: dict[int, list[int]] = defaultdict(list)
    for index, host in enumerate(hosts):
        groups[id(host.atlas)].append(index)
    return list(groups.values())


def _composited(hosts: Sequence[Host], placement: Placement, group: list[int]) -> Images:
    pixels = torch.stack([hosts[index].pixels for index in group])
    textures = [texture for index in group if (texture := hosts[index].texture) is not None] or None
    return blend(pixels, placement[torch.tensor(group)].to(pixels.device), hosts[group[0]].atlas, textures)
