"""How far each value may change: within eps, to a valid pixel, and not where delta is to stay away.

All of these are one interval of whole grey levels a value: one clamp keeps them all, and rounding can not leave it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from miad.tensors import Images
from miad.vaccine.seeded import draw_seed, expand_seed


class Bounds(NamedTuple):
    """Least and largest delta, whole grey levels in float32 ``(n, c, h, w)``, c 1 where all channels share one."""

    low: Tensor
    """-eps..0."""
    high: Tensor
    """0..eps."""

    def clip_(self, delta: Tensor) -> Tensor:
        """The nearest delta inside, in place."""
        return delta.clamp_(self.low, self.high)

    def zeros(self) -> Tensor:
        """No delta."""
        return torch.zeros_like(self.low)

    def noise(self, eps: int, generators: Sequence[torch.Generator]) -> Tensor:
        """Uniform whole levels from -eps to eps, then clipped; each image's from its own generator."""
        noise = torch.empty(self.low.shape)
        for plane, generator in zip(noise, generators, strict=True):
            plane.copy_(torch.from_numpy(expand_seed(draw_seed(generator), tuple(plane.shape), eps)))
        return self.clip_(noise.to(self.low.device))


def find_bounds(images: Images, eps: int, kept: Tensor | None, *, grey: bool, spare: bool = False) -> Bounds:
    """The interval of every value.

    Args:
        images: uint8 ``(n, 3, h, w)``.
        eps: grey levels.
        kept: bool ``(n, h, w)``, where delta stays 0.
        grey: whether the three channels share one delta.
        spare: give none to values that some delta would take out of 0..255.
    """
    levels = images.float()
    low, high = (-levels).clamp_(min=-eps), (255 - levels).clamp_(max=eps)
    if grey:
        low, high = low.amax(1, keepdim=True), high.amin(1, keepdim=True)
    if spare:
        inside = (low == -eps) & (high == eps)
        low, high = low * inside, high * inside
    if kept is not None:
        away = kept[:, None].to(images.device)
        low, high = low.masked_fill(away, 0), high.masked_fill(away, 0)
    return Bounds(low, high)
