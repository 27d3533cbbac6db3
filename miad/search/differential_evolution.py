"""Differential evolution on opacity and place, as FAWA searches (Jiang et al. 2021, IEEE Transactions on Computers)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from miad.errors import check_at_least, check_positive, check_share
from miad.search.base import Search, Strategy
from miad.search.basin_hopping import chosen
from miad.search.script import Script, ScriptedSearch
from miad.search.space import Space
from miad.watermark import Placement


@dataclass(frozen=True)
class DifferentialEvolution(Strategy):
    """DE/rand/1/bin (Storn and Price 1997) on opacity and place of the plain logo.

    Args:
        population: individuals; 4 or more.
        generations: after the first.
        weight: of the difference of two individuals that is added to a third (F).
        crossover: probability that a gene is the mutant's and not its parent's (CR).
    """

    population: int = 30
    generations: int = 10
    weight: float = 0.8
    crossover: float = 0.9

    def __post_init__(self) -> None:
        """Refuse what can not be searched.

        Raises:
            InputError: a parameter is out of its range.
        """
        check_at_least(4, population=self.population)
        check_at_least(0, generations=self.generations)
        check_positive(weight=self.weight)
        check_share(crossover=self.crossover)

    def start(self, space: Space, generator: torch.Generator) -> Search:
        """Begin with random individuals."""
        return ScriptedSearch(self._evolve(space, generator))

    def _evolve(self, space: Space, generator: torch.Generator) -> Script:
        parents = space.draw(self.population, generator)
        fitness = yield parents
        for _ in range(self.generations):
            trials = self._trials(parents.rows(), space, generator)
            allowed = space.allows(trials)
            children = Placement.where(allowed, trials, parents)
            score = yield children
            parents, fitness = chosen(allowed & (score <= fitness), (children, score), (parents, fitness))

    def _trials(self, parents: Tensor, space: Space, generator: torch.Generator) -> Placement:
        """A mutant of three others for each, crossed with it; one gene at least is the mutant's."""
        count = len(parents)
        order = torch.rand(count, count, generator=generator).fill_diagonal_(2.0).argsort(1)
        first, second, third = (parents[order[:, index], :3].float() for index in range(3))
        mutants = (first + self.weight * (second - third)).round().long()
        taken = torch.rand(count, 3, generator=generator) < self.crossover
        taken[torch.arange(count), torch.randint(3, (count,), generator=generator)] = True
        rows = parents.clone()
        rows[:, :3] = torch.where(taken, mutants, parents[:, :3])
        rows[:, 2].clamp_(*space.alpha)
        return Placement.from_rows(rows)
