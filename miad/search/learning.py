"""Learn which places work on a data set: a bandit that halves the places and doubles the images, round after round.

Successive halving (Karnin, Koren and Somekh 2013), but the places that survive are chosen to complement each other: a
place that fools the sources where no better one does stays before a second one that works where the first did.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from miad.search.learned_places import LearnedPlaces
from miad.search.ranking import Ranking
from miad.search.space import Space
from miad.watermark import Placement

_COVERED = 0.1
"""Weight of an image once a place works on it, against one on which none does."""
_TIE = 1e-3
"""Weight of the confidence that is left, which only orders places that work as often."""


class Trials(NamedTuple):
    """Placements to score, each on one of the images."""

    image: Tensor
    """int64 ``(n,)``: index of the image."""
    placement: Placement


class Answers(NamedTuple):
    """What the sources make of trials."""

    confidence: Tensor
    """Of the label, float32 ``(n,)``."""
    fooled: Tensor
    """Whether the search would have ended, bool ``(n,)``."""


@dataclass(frozen=True, eq=False)
class Lesson:
    """What was learned.

    Args:
        places: all candidates, those that were kept first and in their order.
        kept: how many were kept.
        scored: on how many images each was scored, int64 ``(n,)``.
        fooled: and on how many of them it worked.
    """

    places: Ranking
    kept: int
    scored: Tensor
    fooled: Tensor

    @property
    def ranking(self) -> Ranking:
        """The places that were kept."""
        return self.places[torch.arange(self.kept)]


def learn(
    settings: LearnedPlaces, spaces: Sequence[Space], generator: torch.Generator
) -> Generator[Trials, Answers, Lesson]:
    """Yields trials, is sent what the sources make of them, returns what was learned.

    Args:
        settings: how many candidates, images and places.
        spaces: of the images; fewer than the rounds ask for end them early.
        generator: draws the candidates.
    """
    variants = tuple(range(settings.learned_variants + 1))
    places = Ranking.draw(settings.candidates, variants, spaces[0].alpha, generator)
    alive = torch.arange(len(places))
    tried = torch.zeros(len(spaces), len(places), dtype=torch.bool)
    fooled, confidence = torch.zeros_like(tried), torch.ones(tried.shape)
    done = 0
    for count in settings.rounds:
        images = range(done, min(done + count, len(spaces)))
        at, placement = _trials(places, alive, spaces, images)
        answers = yield Trials(at[0], placement)
        tried[at], confidence[at], fooled[at] = True, answers.confidence, answers.fooled
        done = images.stop
        left = max(settings.kept, len(alive) // 2)
        alive = alive[_complementary(fooled[:done, alive], confidence[:done, alive], left)]
    dropped = torch.ones(len(places), dtype=torch.bool)
    dropped[alive] = False
    order = torch.cat([alive, dropped.nonzero()[:, 0]])
    return Lesson(places[order], len(alive), tried.sum(0)[order], fooled.sum(0)[order])


def _trials(
    places: Ranking, alive: Tensor, spaces: Sequence[Space], images: range
) -> tuple[tuple[Tensor, Tensor], Placement]:
    """The allowed places of these images: image and place of each, and where it stands."""
    owners, chosen, placements = [torch.empty(0, dtype=torch.int64)], [alive[:0]], [Placement.empty()]
    for image in images:
        own = places[alive].placements(spaces[image])
        allowed = spaces[image].allows(own)
        owners.append(torch.full((int(allowed.sum()),), image))
        chosen.append(alive[allowed])
        placements.append(own[allowed])
    return (torch.cat(owners), torch.cat(chosen)), Placement.cat(placements)


def _complementary(fooled: Tensor, confidence: Tensor, count: int) -> Tensor:
    """Places, the most useful beside those before it first: int64 ``(count,)``.

    Args:
        fooled: whether each place works on each image, bool ``(images, places)``.
        confidence: of the label, the same shape.
        count: how many.
    """
    weight = torch.ones(len(fooled))
    order: list[int] = []
    for _ in range(min(count, fooled.shape[1])):
        gain = (fooled * weight[:, None]).sum(0) - _TIE * confidence.mean(0)
        gain[order] = -torch.inf
        order.append(int(gain.argmax()))
        weight = torch.where(fooled[:, order[-1]], weight * _COVERED, weight)
    return torch.tensor(order)
