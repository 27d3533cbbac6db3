"""What is free in a delta: the values that an ascent moves, and the delta that they make."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from miad.vaccine.bounds import Bounds


class Form(Protocol):
    """From values to delta."""

    @property
    def limits(self) -> Bounds:
        """What the values are projected onto."""

    def delta(self, values: Tensor) -> Tensor:
        """Whole grey levels ``(n, c, h, w)``, inside every image's bounds; gradients flow to the values."""


@dataclass(frozen=True)
class Free:
    """Every value of delta is its own.

    Args:
        limits: of delta.
    """

    limits: Bounds

    def delta(self, values: Tensor) -> Tensor:
        """The values themselves."""
        return values


@dataclass(frozen=True)
class Blocks:
    """One sign, times eps, a channel of each block; blocks at the right and lower edge may be cut.

    Args:
        bounds: of delta.
        side: of a block, in pixels.
        eps: grey levels.
    """

    bounds: Bounds
    side: int
    eps: int

    @property
    def limits(self) -> Bounds:
        """One value a block, from -eps to eps."""
        count, channels, height, width = self.bounds.low.shape
        grid = (count, channels, -(-height // self.side), -(-width // self.side))
        high = self.bounds.high.new_full(grid, float(self.eps))
        return Bounds(-high, high)

    def delta(self, values: Tensor) -> Tensor:
        """Of what the values tell only the sign counts, and 0 is positive; the gradient passes as if all did."""
        signs = torch.where(values < 0, -self.eps, self.eps) + values - values.detach()
        height, width = self.bounds.low.shape[-2:]
        spread = signs.repeat_interleave(self.side, -2).repeat_interleave(self.side, -1)
        return spread[..., :height, :width].clamp(self.bounds.low, self.bounds.high)
