"""Random placements: one is the papers' traditional watermark, more are a baseline for the searches."""

from dataclasses import dataclass

import torch
from torch import Tensor

from miad.errors import InputError
from miad.search.base import Search, Strategy
from miad.search.space import Space
from miad.watermark import Placement


@dataclass(frozen=True)
class RandomSearch(Strategy):
    """Uniform random placements.

    Args:
        draws: placements tried an image; 1 is the traditional watermark of the papers.
    """

    draws: int = 1

    def __post_init__(self) -> None:
        """Refuse what draws nothing.

        Raises:
            InputError: fewer than one draw.
        """
        if self.draws < 1:
            raise InputError(f"expected at least one draw, found draws={self.draws}")

    def start(self, space: Space, generator: torch.Generator) -> Search:
        """Draw all placements at once."""
        return _RandomDraws(space.draw(self.draws, generator))


class _RandomDraws(Search):
    keeps = 1

    def __init__(self, draws: Placement) -> None:
        self._draws = draws

    def ask(self) -> Placement:
        return self._draws

    def tell(self, confidence: Tensor) -> None:
        self._draws = Placement.empty()
