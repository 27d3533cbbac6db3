"""Every place there is: what the best search could find."""

from dataclasses import dataclass

import torch
from torch import Tensor

from miad.errors import check_at_least
from miad.search.base import Search, Strategy
from miad.search.script import Script, ScriptedSearch
from miad.search.space import Space
from miad.watermark import Placement

_CHUNK = 4096
"""Placements asked for at a time; all at once would fill the memory."""


@dataclass(frozen=True)
class GridSearch(Strategy):
    """All allowed places of the plain logo in row order, the strongest opacity first.

    Args:
        stride: pixels between neighbours; 1 leaves no place out.
        opacities: how many, evenly spread from the highest to the lowest.
    """

    stride: int = 1
    opacities: int = 1

    def __post_init__(self) -> None:
        """Refuse what can not be searched.

        Raises:
            InputError: a parameter is out of its range.
        """
        check_at_least(1, stride=self.stride, opacities=self.opacities)

    def start(self, space: Space, generator: torch.Generator) -> Search:
        """Begin in the upper left corner."""
        return ScriptedSearch(self._walk(space), keeps=1)

    def _walk(self, space: Space) -> Script:
        low, high = space.alpha
        alphas = dict.fromkeys(torch.linspace(high, low, self.opacities).round().long().tolist())
        for variant in space.variants:
            y, x = self._on_grid(space.corners[variant])
            for alpha in alphas:
                places = Placement(x, y, torch.full_like(x, alpha), torch.full_like(x, variant))
                for start in range(0, len(places), _CHUNK):
                    yield places[start : start + _CHUNK]

    def _on_grid(self, corners: Tensor) -> tuple[Tensor, Tensor]:
        """Rows and columns of the allowed corners that lie on the grid; of all of them where none does."""
        y, x = corners[:: self.stride, :: self.stride].nonzero(as_tuple=True)
        if not len(y):
            y, x = corners.nonzero(as_tuple=True)
            return y, x
        return y * self.stride, x * self.stride
