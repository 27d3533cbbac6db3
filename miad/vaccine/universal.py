"""One delta for a whole data set: how it lies on an image, and how it is learned (MIAD-MARK eq. 1 over many images)."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from miad.vaccine.bounds import Bounds

LARGEST = 256
"""Pixels a side; it is repeated over larger images."""


def tile(delta: Tensor, shape: tuple[int, int]) -> Tensor:
    """Repeat ``(..., h, w)`` over an image of this height and width, from its upper left corner."""
    (height, width), (own_height, own_width) = shape, delta.shape[-2:]
    rows, columns = (torch.arange(n, device=delta.device) % m for n, m in ((height, own_height), (width, own_width)))
    return delta[..., rows[:, None], columns]


class Lot(NamedTuple):
    """Some images to learn from."""

    worth: Callable[[Tensor], Tensor]
    """Of their deltas, one number an image."""
    bounds: Bounds
    """Of their deltas."""


def ascend_together(
    lots: Sequence[Lot], start: Tensor, eps: int, step: float, steps: int, *, keep_best: bool
) -> Tensor:
    """Follow the sign of the gradient that all images have together.

    Args:
        lots: a few images each; they are looked at one lot after the other, as memory allows.
        start: whole levels ``(1, c, h, w)``.
        eps: grey levels.
        step: grey levels.
        steps: at least 1.
        keep_best: keep what all images together found best on the way, the start included; otherwise the last.

    Returns:
        Whole levels, the same shape; not a number where the start's worth is none.
    """
    delta, kept, best = start.clone(), start, start.new_tensor(-torch.inf)
    for _ in range(steps):
        worth, gradient = _differentiate(lots, delta.round())
        if worth.isnan():
            return torch.full_like(start, torch.nan)
        if worth > best:
            kept, best = delta.round(), worth
        delta = (delta + step * gradient.sign()).clamp(-eps, eps)
    last, _ = _differentiate(lots, delta.round())
    return kept if keep_best and best >= last else delta.round()


def _differentiate(lots: Sequence[Lot], delta: Tensor) -> tuple[Tensor, Tensor]:
    """The sum of all images' worths, and its gradient."""
    total, gradient = delta.new_zeros(()), torch.zeros_like(delta)
    for lot in lots:
        with torch.enable_grad():
            own = delta.clone().requires_grad_()
            laid = tile(own, (lot.bounds.low.shape[-2], lot.bounds.low.shape[-1]))
            worth = lot.worth(laid.clamp(lot.bounds.low, lot.bounds.high)).sum()
            gradient += torch.autograd.grad(worth, own)[0]
        total = total + worth.detach()
    return total, gradient
