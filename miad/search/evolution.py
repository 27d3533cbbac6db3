"""HE and HE-SIT: a coarse grid of positions, then mutation and crossover around the best (MIAD-MARK Algorithm 3).

Read with the paper's misprints repaired: steps per axis (eq. 10), duplicates and the unchanged triplet left out of the
3^3 offspring (eq. 11), parents chosen from parents and offspring alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import floor, sqrt

import torch
from torch import Tensor

from miad.errors import InputError, check_at_least
from miad.search.base import Search, Strategy
from miad.search.space import Space
from miad.watermark import Placement

_GENES = 3
"""x, y, alpha; the variant is inherited."""


@dataclass(frozen=True)
class HeuristicEvolution(Strategy):
    """Heuristic evolution of MIAD-MARK; with ``sit`` its HE-SIT.

    Args:
        sit: random semantic-invariant variants of the logo an image; 0 keeps the plain logo (HE).
        catalogue: number of variants that a run draws, and each image chooses from.
        population: parents a generation (N_p).
        generations: generations after the grid (N_g).
        alpha_step: mutation step of alpha (s_alpha).
        crossover: share of the offspring that are kept and crossed (r_c), of the 27 a parent that eq. 11 counts; an
            image whose lesions forbid many of them keeps its budget.
        position_rate: share of all positions on the grid (r_p).
    """

    sit: int = 0
    catalogue: int = 32
    population: int = 15
    generations: int = 2
    alpha_step: int = 15
    crossover: float = 0.3
    position_rate: float = 0.005

    def __post_init__(self) -> None:
        """Refuse what can not be searched.

        Raises:
            InputError: a parameter is out of its range.
        """
        if not 0 <= self.sit <= self.catalogue:
            raise InputError(f"expected sit between 0 and the catalogue's {self.catalogue}, found {self.sit}")
        if not (0 < self.position_rate <= 1 and 0 < self.crossover <= 1):
            raise InputError(
                f"expected position_rate and crossover above 0 and at most 1, found {self.position_rate} "
                f"and {self.crossover}"
            )
        check_at_least(1, population=self.population, alpha_step=self.alpha_step)
        check_at_least(0, generations=self.generations)

    @property
    def variants(self) -> int:
        """The catalogue, when variants are used at all."""
        return self.catalogue if self.sit else 0

    def draw_variants(self, generator: torch.Generator) -> tuple[int, ...]:
        """``sit`` distinct random variants, or the plain logo."""
        if not self.sit:
            return (0,)
        return tuple((1 + torch.randperm(self.catalogue, generator=generator)[: self.sit]).tolist())

    def start(self, space: Space, generator: torch.Generator) -> Search:
        """Begin with the grid."""
        return self.evolve(space, generator, space.variants)

    def evolve(
        self,
        space: Space,
        generator: torch.Generator,
        variants: Sequence[int],
        scored: tuple[Placement, Tensor] | None = None,
    ) -> Search:
        """Begin with the grid of some variants.

        Args:
            space: what the image admits.
            generator: of the image.
            variants: to begin with.
            scored: placements that were scored before, with their confidence; the best may become parents.
        """
        return _Evolution(self, space, generator, variants, scored)

    def counts(self, extent: tuple[int, int]) -> tuple[int, int]:
        """N_x and N_y: grid cells along x and y for the largest x and y (eq. 9 and the text before it)."""
        width, height = extent
        if not (width and height):
            return 0, 0
        total = floor(self.position_rate * width * height)
        return floor(sqrt(total * width / height)), floor(sqrt(total * height / width))

    def grid(self, extent: tuple[int, int]) -> Tensor:
        """Positions in row order, int64 ``(n, 2)`` as x, y (eq. 9)."""
        step = floor(sqrt(1 / self.position_rate))
        columns, rows = self.counts(extent)
        y, x = torch.meshgrid(torch.arange(rows + 1) * step, torch.arange(columns + 1) * step, indexing="ij")
        return torch.stack([x.flatten(), y.flatten()], 1)

    def steps(self, extent: tuple[int, int]) -> tuple[int, int, int]:
        """Mutation steps of x, y and alpha (eq. 10, per axis)."""
        cells = self.counts(extent)
        return (self._step(extent[0], cells[0]), self._step(extent[1], cells[1]), self.alpha_step)

    def _step(self, length: int, cells: int) -> int:
        reach = 2 * self.generations
        return floor(length / cells / reach) if cells and reach and length / cells > reach else 1


HE_SIT = HeuristicEvolution(sit=1)
"""The paper's strongest search."""


class _Evolution(Search):
    """State: every placement scored so far, and the parents among them."""

    def __init__(
        self,
        strategy: HeuristicEvolution,
        space: Space,
        generator: torch.Generator,
        variants: Sequence[int],
        scored: tuple[Placement, Tensor] | None,
    ) -> None:
        self._strategy, self._space, self._generator, self._variants = strategy, space, generator, variants
        self._parents, self._fitness = (Placement.empty(), torch.empty(0)) if scored is None else scored
        self.keeps = strategy.population
        self._seen = set(map(tuple, self._parents.rows().tolist()))
        self._generation = 0
        self._asked = Placement.empty()

    def ask(self) -> Placement:
        if self._generation == 0:
            self._asked = self._first()
        elif self._generation <= self._strategy.generations:
            self._asked = self._offspring()
        else:
            self._asked = Placement.empty()
        self._generation += 1
        return self._asked

    def tell(self, confidence: Tensor) -> None:
        everyone, fitness = Placement.cat([self._parents, self._asked]), torch.cat([self._fitness, confidence])
        best = fitness.argsort(stable=True)[: self._strategy.population]
        self._parents, self._fitness = everyone[best], fitness[best]

    def _first(self) -> Placement:
        """The grid of each variant; random corners where a lesion leaves no point of it."""
        points = torch.cat([self._variant_grid(variant) for variant in self._variants])
        alpha = self._space.draw_alpha(len(points), self._generator)
        grid = Placement(points[:, 0], points[:, 1], alpha, points[:, 2])
        allowed = self._new(grid)
        return allowed if len(allowed) else self._new(self._space.draw(self._strategy.population, self._generator))

    def _variant_grid(self, variant: int) -> Tensor:
        grid = self._strategy.grid(self._space.extent(variant))
        return torch.cat([grid, torch.full((len(grid), 1), variant)], 1)

    def _offspring(self) -> Placement:
        kept = floor(self._strategy.crossover * 3**_GENES * self._strategy.population)
        parent, mutants = self._mutants()
        fresh = self._distinct(mutants)
        chosen = fresh[torch.randperm(len(fresh), generator=self._generator)[:kept]]
        return self._new(self._crossed(mutants[chosen], parent[chosen]))

    def _mutants(self) -> tuple[Tensor, Placement]:
        """All 27 neighbours of each parent (eq. 11), clipped to the ranges, and the index of their parent."""
        parents = self._parents.rows()
        steps = torch.tensor([self._strategy.steps(self._space.extent(v)) for v in self._parents.variant.tolist()])
        signs = torch.tensor(list(product((0, 1, -1), repeat=_GENES)))
        rows = parents.repeat_interleave(len(signs), 0)
        rows[:, :_GENES] += (steps[:, None] * signs).flatten(0, 1)
        index = torch.arange(len(parents)).repeat_interleave(len(signs))
        return index, self._clipped(rows)

    def _clipped(self, rows: Tensor) -> Placement:
        extents = torch.tensor([self._space.extent(variant) for variant in rows[:, 3].tolist()]).view(-1, 2)
        x, y = (rows[:, axis].clamp(min=0).minimum(extents[:, axis]) for axis in (0, 1))
        return Placement(x, y, rows[:, 2].clamp(*self._space.alpha), rows[:, 3])

    def _crossed(self, mutants: Placement, parent: Tensor) -> Placement:
        """Each mutant takes a proper, non-empty subset of its genes from another random parent."""
        if len(self._parents) < 2 or not len(mutants):
            return mutants
        other = torch.randint(len(self._parents) - 1, (len(mutants),), generator=self._generator)
        other += (other >= parent).long()
        subset = torch.randint(1, 2**_GENES - 1, (len(mutants),), generator=self._generator)
        taken = ((subset[:, None] >> torch.arange(_GENES)) & 1).bool()
        rows, donors = mutants.rows(), self._parents.rows()[other]
        rows[:, :_GENES] = torch.where(taken, donors[:, :_GENES], rows[:, :_GENES])
        return self._clipped(rows)

    def _distinct(self, placement: Placement) -> Tensor:
        """Indices of the first of each allowed placement that was not scored before."""
        allowed = self._space.allows(placement).tolist()
        seen = set(self._seen)
        fresh = []
        for index, row in enumerate(map(tuple, placement.rows().tolist())):
            if allowed[index] and row not in seen:
                seen.add(row)
                fresh.append(index)
        return torch.tensor(fresh, dtype=torch.int64)

    def _new(self, placement: Placement) -> Placement:
        fresh = placement[self._distinct(placement)]
        self._seen.update(map(tuple, fresh.rows().tolist()))
        return fresh
