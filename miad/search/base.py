"""Ask and tell: a search proposes placements and is told the scores; it never holds a model."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

from miad.search.space import Space
from miad.watermark import Placement


class Search(ABC):
    """The search on one image.

    `ask` and `tell` alternate: what was asked is told, whole and in order, before the next is asked. A caller
    that has found what it wants simply stops. A placement may be asked for again; it is not scored again.

    Attributes:
        counts_repeats: whether asking again counts as a query.
        keeps: how many of the best of all placements that were ever told the search goes on from; the scores of others
            need only be worse. None where every score matters.
    """

    counts_repeats = False
    keeps: int | None = None

    @abstractmethod
    def ask(self) -> Placement:
        """The next placements to score, in order; empty when the search has no more."""

    @abstractmethod
    def tell(self, confidence: Tensor) -> None:
        """The label's confidence, float32 ``(n,)``, for each placement of the last `ask`."""


@dataclass(frozen=True)
class Strategy(ABC):
    """A way to search, with its parameters; makes one `Search` an image."""

    @property
    def variants(self) -> int:
        """How many random variants of the logo a run needs, beside the plain one."""
        return 0

    def draw_variants(self, generator: torch.Generator) -> tuple[int, ...]:
        """The variants one image may use, as indices into the atlas."""
        return (0,)

    @abstractmethod
    def start(self, space: Space, generator: torch.Generator) -> Search:
        """Begin on one image; the space allows at least one placement."""
