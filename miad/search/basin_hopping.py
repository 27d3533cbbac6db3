"""Basin hopping: random hops, each kept or not by how well it does."""

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from miad.errors import check_at_least, check_positive
from miad.search.base import Search, Strategy
from miad.search.script import Script, ScriptedSearch
from miad.search.space import Space
from miad.watermark import Placement

_REACH = (5.0, 5.0, 2.0)
"""Steps that x, y and alpha hop at most (published code)."""

PUBLISHED_REPEATS = 5
"""Evaluations of one place by the published code: four of a local minimiser whose gradient is always zero, as places
are whole numbers, and one to ask whether it succeeded."""


@dataclass(frozen=True)
class Hopping:
    """How hoppers move; what MedLocker's eq. 4 calls BH.

    Args:
        hops: of every hopper (N_iter).
        step: s; a hop is uniform within 5s pixels of x and y, and 2s levels of alpha.
        temperature: of Metropolis' rule, in units of confidence.
        repeats: how often each place is scored.
    """

    hops: int
    step: float
    temperature: float
    repeats: int = 1

    def walk(
        self, start: Placement, fitness: Tensor, space: Space, generator: torch.Generator
    ) -> Generator[Placement, Tensor, Placement]:
        """Hop side by side from each start; where each hopper found the lowest confidence.

        A hop out of the allowed places is refused without being scored.
        """
        here, best = (start, fitness), (start, fitness)
        for _ in range(self.hops):
            there = self.hop(here[0], space, generator)
            score = (yield repeated(there, self.repeats))[: len(there)]
            best = chosen(score < best[1], (there, score), best)
            rise = (score - here[1]).clamp(min=0)
            accepted = torch.rand(len(there), generator=generator) < torch.exp(-rise / self.temperature)
            here = chosen(accepted, (there, score), here)
        return best[0]

    def hop(self, here: Placement, space: Space, generator: torch.Generator) -> Placement:
        """One random hop of each, the opacity kept in its range; those that would leave the allowed places stay."""
        shift = torch.rand(len(here), 3, generator=generator).mul(2).sub(1) * self.step * torch.tensor(_REACH)
        rows = here.rows()
        rows[:, :3] += shift.round().long()
        rows[:, 2].clamp_(*space.alpha)
        there = Placement.from_rows(rows)
        return Placement.where(space.allows(there), there, here)


def chosen(first: Tensor, one: tuple[Placement, Tensor], other: tuple[Placement, Tensor]) -> tuple[Placement, Tensor]:
    """Placements and their scores of one, where ``first``, bool ``(n,)``, or of the other."""
    return Placement.where(first, one[0], other[0]), torch.where(first, one[1], other[1])


def repeated(placement: Placement, times: int) -> Placement:
    """The same placements several times over."""
    return Placement.from_rows(placement.rows().repeat(times, 1))


@dataclass(frozen=True)
class BasinHopping(Strategy):
    """Basin hopping from random places (Jia et al. 2020, Adv-watermark).

    Args:
        starts: hoppers.
        hops: of every hopper.
        step: a hop is uniform within five steps of x and y, and two of alpha.
        temperature: of Metropolis' rule, in units of confidence.
        published: count every evaluation that the published code makes; most repeat one before.
    """

    starts: int = 1
    hops: int = 100
    step: float = 10.0
    temperature: float = 1.0
    published: bool = False

    def __post_init__(self) -> None:
        """Refuse what can not be searched.

        Raises:
            InputError: a parameter is out of its range.
        """
        check_at_least(1, starts=self.starts)
        check_at_least(0, hops=self.hops)
        check_positive(step=self.step, temperature=self.temperature)

    def start(self, space: Space, generator: torch.Generator) -> Search:
        """Begin at random places."""
        return ScriptedSearch(self._hop(space, generator), counts_repeats=self.published)

    def _hop(self, space: Space, generator: torch.Generator) -> Script:
        repeats = PUBLISHED_REPEATS if self.published else 1
        starts = space.draw(self.starts, generator)
        fitness = (yield repeated(starts, repeats))[: self.starts]
        hopping = Hopping(self.hops, self.step, self.temperature, repeats)
        yield from hopping.walk(starts, fitness, space, generator)
