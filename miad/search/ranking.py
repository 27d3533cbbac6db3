"""Places ranked by how well they work on a data set, whatever the size of its images."""

from dataclasses import dataclass

import torch
from torch import Tensor

from miad.search.space import Space
from miad.watermark import Placement


@dataclass(frozen=True, eq=False)
class Ranking:
    """Placements, the most promising first.

    Args:
        relative: float64 ``(n, 2)``, 0..1: how far x and y are of the largest that the variant may have.
        alpha: int64 ``(n,)``.
        variant: int64 ``(n,)``.
    """

    relative: Tensor
    alpha: Tensor
    variant: Tensor

    def __len__(self) -> int:
        return len(self.alpha)

    def __getitem__(self, index: Tensor) -> "Ranking":
        return Ranking(self.relative[index], self.alpha[index], self.variant[index])

    @classmethod
    def draw(
        cls, count: int, variants: tuple[int, ...], alpha: tuple[int, int], generator: torch.Generator
    ) -> "Ranking":
        """Random ones, in no order: anywhere, as strong as an opacity of the upper half makes them."""
        relative = torch.rand(count, 2, generator=generator, dtype=torch.float64)
        middle = (alpha[0] + alpha[1]) // 2
        opacity = torch.randint(middle, alpha[1] + 1, (count,), generator=generator)
        variant = torch.tensor(variants)[torch.arange(count) % len(variants)]
        return cls(relative, opacity, variant)

    def placements(self, space: Space) -> Placement:
        """Where they stand in one image, or as near as they may; those of variants that it does not use stand at -1."""
        extents = torch.full((int(self.variant.max()) + 1 if len(self) else 0, 2), -1, dtype=torch.float64)
        for variant in space.variants:
            if variant < len(extents):
                extents[variant] = torch.tensor(space.extent(variant))
        own = extents[self.variant]
        x, y = torch.where(own < 0, -1, (self.relative * own).round()).long().unbind(1)
        return space.nearest(Placement(x, y, self.alpha.clamp(*space.alpha), self.variant))
