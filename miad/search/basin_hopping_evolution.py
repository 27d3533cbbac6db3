"""MedLocker's search: evolution whose mutations are short basin hoppings (eq. 4 to 6)."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from miad.errors import check_at_least, check_positive, check_share
from miad.search.base import Search, Strategy
from miad.search.basin_hopping import PUBLISHED_REPEATS, Hopping, chosen, repeated
from miad.search.script import Script, ScriptedSearch
from miad.search.space import Space
from miad.watermark import Placement

Mutation: TypeAlias = Literal["basin_hopping", "random"]


@dataclass(frozen=True)
class BasinHoppingEvolution(Strategy):
    """MedLocker's evolution on opacity and place of the plain logo; all defaults are the paper's.

    Args:
        population: individuals (N_p).
        generations: after the first (N_g).
        hops: of every mutation (N_iter).
        step: a hop is uniform within five steps (s) of x and y, and two of alpha.
        temperature: of Metropolis' rule, in units of confidence.
        crossover: probability that a gene is the mutant's and not its parent's (CR).
        mutation: random is the paper's control: as many hops, none of them scored.
        published: count every evaluation that the published code makes; most repeat one before.
    """

    population: int = 50
    generations: int = 3
    hops: int = 3
    step: float = 10.0
    temperature: float = 1.0
    crossover: float = 0.9
    mutation: Mutation = "basin_hopping"
    published: bool = False

    def __post_init__(self) -> None:
        """Refuse what can not be searched.

        Raises:
            InputError: a parameter is out of its range.
        """
        check_at_least(1, population=self.population)
        check_at_least(0, generations=self.generations, hops=self.hops)
        check_positive(step=self.step, temperature=self.temperature)
        check_share(crossover=self.crossover)

    def start(self, space: Space, generator: torch.Generator) -> Search:
        """Begin with random individuals."""
        return ScriptedSearch(self._evolve(space, generator), counts_repeats=self.published)

    def _evolve(self, space: Space, generator: torch.Generator) -> Script:
        parents = space.draw(self.population, generator)
        fitness = yield from self._score(parents, published=2)
        for _ in range(self.generations):
            yield from self._again(parents, times=2)
            mutants = yield from self._mutate(parents, fitness, space, generator)
            offspring = self._cross(mutants, parents, space, generator)
            yield from self._again(parents, times=1)
            score = yield from self._score(offspring, published=1)
            parents, fitness = chosen(score <= fitness, (offspring, score), (parents, fitness))
            yield from self._again(parents, times=2)

    def _mutate(
        self, parents: Placement, fitness: Tensor, space: Space, generator: torch.Generator
    ) -> Generator[Placement, Tensor, Placement]:
        """Eq. 4."""
        hopping = Hopping(self.hops, self.step, self.temperature, PUBLISHED_REPEATS if self.published else 1)
        if self.mutation == "random":
            mutants = parents
            for _ in range(self.hops):
                mutants = hopping.hop(mutants, space, generator)
            return mutants
        yield from self._again(parents, times=PUBLISHED_REPEATS)
        mutants = yield from hopping.walk(parents, fitness, space, generator)
        yield from self._again(mutants, times=1)
        return mutants

    def _cross(self, mutants: Placement, parents: Placement, space: Space, generator: torch.Generator) -> Placement:
        """Eq. 5; a child that may not stand where its genes put it is the mutant."""
        rows = mutants.rows()
        inherited = torch.rand(len(mutants), 3, generator=generator) > self.crossover
        rows[:, :3] = torch.where(inherited, parents.rows()[:, :3], rows[:, :3])
        children = Placement.from_rows(rows)
        return Placement.where(space.allows(children), children, mutants)

    def _score(self, placement: Placement, published: int) -> Generator[Placement, Tensor, Tensor]:
        """Score once, or as often as the published code does."""
        return (yield repeated(placement, published if self.published else 1))[: len(placement)]

    def _again(self, placement: Placement, times: int) -> Script:
        """Score what was scored before, as the published code does."""
        if self.published:
            yield repeated(placement, times)
