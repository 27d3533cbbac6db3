"""Where, how strongly, and as which variant a logo stands on each image."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True)
class Placement:
    """One entry an image (or a candidate); all int64 ``(n,)`` on one device.

    Args:
        x: column of the logo's left edge.
        y: row of its top edge.
        alpha: opacity, 1..255.
        variant: index into an atlas.
    """

    x: Tensor
    y: Tensor
    alpha: Tensor
    variant: Tensor

    @classmethod
    def empty(cls) -> Self:
        """No placement at all."""
        return cls(*torch.empty(4, 0, dtype=torch.int64))

    @classmethod
    def cat(cls, placements: Sequence["Placement"]) -> Self:
        """Join placements in order."""
        return cls.from_rows(torch.cat([placement.rows() for placement in placements]))

    @classmethod
    def from_rows(cls, rows: Tensor) -> Self:
        """From int64 ``(n, 4)``: x, y, alpha, variant."""
        return cls(*rows.unbind(1))

    @classmethod
    def where(cls, condition: Tensor, one: "Placement", other: "Placement") -> Self:
        """Entry by entry those of one where the condition, bool ``(n,)``, holds, and of the other elsewhere."""
        return cls.from_rows(torch.where(condition[:, None], one.rows(), other.rows()))

    def rows(self) -> Tensor:
        """As int64 ``(n, 4)``: x, y, alpha, variant."""
        return torch.stack([self.x, self.y, self.alpha, self.variant], 1)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: slice | Tensor) -> "Placement":
        return Placement(self.x[index], self.y[index], self.alpha[index], self.variant[index])

    def to(self, device: torch.device) -> "Placement":
        """The same placements on a device."""
        return Placement.from_rows(self.rows().to(device))
