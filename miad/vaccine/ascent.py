"""Projected gradient ascent on whole grey levels (MIAD-MARK eq. 1).

The gradient is taken at the rounded delta, so that every worth is that of pixels as they can be written, and the best
of a run stays the best when it is stored. With a whole step, as in the papers, nothing is ever rounded.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from miad.vaccine.bounds import Bounds


class Ascent(NamedTuple):
    """Where an ascent came to."""

    delta: Tensor
    """Whole grey levels, float32 ``(n, c, h, w)``."""
    worth: Tensor
    """float32 ``(n,)``; not a number where the start's is none."""
    flat: Tensor
    """float32 ``(n,)``: share of the first gradient's entries without a direction: exactly 0, or not a number."""


class _Try(NamedTuple):
    delta: Tensor
    worth: Tensor

    def or_better(self, other: "_Try") -> "_Try":
        """Of each image the one of more worth, the earlier if they tie."""
        better = other.worth > self.worth
        delta = torch.where(better[:, None, None, None], other.delta, self.delta)
        return _Try(delta, torch.where(better, other.worth, self.worth))


def ascend(
    worth: Callable[[Tensor], Tensor], start: Tensor, bounds: Bounds, step: float, steps: int, *, keep_best: bool
) -> Ascent:
    """Follow the sign of the gradient.

    Args:
        worth: of whole levels ``(n, c, h, w)``, to ``(n,)``; each image's depends on its own delta only.
        start: whole levels, inside the bounds.
        bounds: what delta is projected onto.
        step: grey levels.
        steps: at least 1.
        keep_best: keep each image's best delta on the way, the start included; otherwise its last.
    """
    best, gradient = _differentiate(worth, start)
    flat = (gradient.sign() == 0).float().mean((1, 2, 3))  # the sign of what is not a number is 0
    delta = start.clone()
    for _ in range(steps - 1):
        bounds.clip_(delta.add_(gradient.sign(), alpha=step))
        here, gradient = _differentiate(worth, delta)
        best = best.or_better(here)
    bounds.clip_(delta.add_(gradient.sign(), alpha=step))
    last = _evaluate(worth, delta)
    kept = best.or_better(last) if keep_best else last
    return Ascent(kept.delta, kept.worth, flat)


def _differentiate(worth: Callable[[Tensor], Tensor], delta: Tensor) -> tuple[_Try, Tensor]:
    rounded = delta.round()
    with torch.enable_grad():
        value = worth(rounded.requires_grad_())
        (gradient,) = torch.autograd.grad(value.sum(), rounded)
    return _Try(rounded.detach(), value.detach()), gradient


def _evaluate(worth: Callable[[Tensor], Tensor], delta: Tensor) -> _Try:
    rounded = delta.round()
    with torch.no_grad():
        return _Try(rounded, worth(rounded))
