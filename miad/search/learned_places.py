"""Our own search: first the places that fooled the sources on other images of the data set, then heuristic evolution.

Where a mark works depends far more on the data set and on the sources than on the image: what is learned once, from a
few dozen images, saves every image most of its queries. A place that an image's lesions forbid is tried as near as they
let it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from miad.errors import check_at_least
from miad.search.base import Search, Strategy
from miad.search.evolution import HeuristicEvolution
from miad.search.ranking import Ranking
from miad.search.script import Script, ScriptedSearch
from miad.search.space import Space
from miad.watermark import Placement


@dataclass(frozen=True)
class LearnedPlaces(HeuristicEvolution):
    """Tries places that were learned; where none works it goes on as HE-SIT does, with the best of them as parents.

    Args:
        sit: random semantic-invariant variants of the logo an image, for the evolution; 0 keeps the plain logo.
        candidates: random places that learning begins with.
        examples: images that it begins with; each round takes twice as many, and half the places.
        kept: places to learn.
        learned_variants: variants to learn places for, beside the plain logo.
    """

    sit: int = 1
    candidates: int = 192
    examples: int = 4
    kept: int = 24
    learned_variants: int = 7

    def __post_init__(self) -> None:
        """Refuse what can not be searched.

        Raises:
            InputError: a parameter is out of its range.
        """
        super().__post_init__()
        check_at_least(1, examples=self.examples, kept=self.kept)
        check_at_least(0, learned_variants=self.learned_variants)
        check_at_least(self.learned_variants, catalogue=self.catalogue)
        check_at_least(self.kept, candidates=self.candidates)

    @property
    def variants(self) -> int:
        """The catalogue; its first variants are those to learn places for."""
        return self.catalogue if self.sit else self.learned_variants

    @property
    def rounds(self) -> list[int]:
        """Images of each round of learning."""
        halvings = 0
        while self.candidates >> halvings > self.kept:
            halvings += 1
        return [self.examples << number for number in range(halvings + 1)]

    def start(self, space: Space, generator: torch.Generator) -> Search:
        """Not before places were learned; see `ranked`."""
        raise RuntimeError("expected learned places; see LearnedPlaces.ranked")

    def ranked(self, ranking: Ranking) -> Strategy:
        """The search, once places were learned."""
        return _RankedPlaces(self, ranking)


LEARNED = LearnedPlaces()
"""Our default."""


@dataclass(frozen=True, eq=False)
class _RankedPlaces(Strategy):
    settings: LearnedPlaces
    ranking: Ranking

    @property
    def variants(self) -> int:
        return self.settings.variants

    def draw_variants(self, generator: torch.Generator) -> tuple[int, ...]:
        """Those of the evolution first, then those of the learned places."""
        return tuple(dict.fromkeys((*self.settings.draw_variants(generator), *self.ranking.variant.tolist())))

    def start(self, space: Space, generator: torch.Generator) -> Search:
        return ScriptedSearch(self._search(space, generator), keeps=self.settings.population)

    def _search(self, space: Space, generator: torch.Generator) -> Script:
        learned = self.ranking.placements(space)
        learned = learned[space.allows(learned)]
        scores = torch.empty(0)
        for part in _growing(learned):
            scores = torch.cat([scores, (yield part)])
        own = space.variants[: max(1, self.settings.sit)]
        evolution = self.settings.evolve(space, generator, own, (learned, scores))
        while len(asked := evolution.ask()):
            evolution.tell((yield asked))


def _growing(placement: Placement) -> Iterator[Placement]:
    """One, two, four, eight at a time: the first often is enough."""
    start, count = 0, 1
    while start < len(placement):
        yield placement[start : start + count]
        start, count = start + count, 2 * count
