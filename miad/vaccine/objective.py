"""What a delta is worth against all removers together, as a number to be maximised."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from miad.models.removers import Removal
from miad.tensors import Images
from miad.vaccine.losses import disruption, visibility
from miad.vaccine.options import VaccineOptions

Marker: TypeAlias = Callable[[Tensor, Sequence[torch.Generator]], Tensor]
"""Puts a random mark on each host: float ``(n, 3, h, w)``, 0..1, and a generator an image, to the same shape. It draws
anew in each call, from each image's own generator, and gradients flow through it."""


class Objective:
    """Worth of a delta.

    Args:
        images: uint8 ``(n, 3, h, w)``.
        removers: the networks, on the images' device, each with its weight.
        options: which delta.
        mark: what puts marks on float ``(n, 3, h, w)``; None where removers see the image as it is.
        unmarked: uint8, the images without the marks that they have already; None where they have none.
    """

    def __init__(
        self,
        images: Images,
        removers: Sequence[tuple[Callable[[Tensor], Removal], float]],
        options: VaccineOptions,
        mark: Callable[[Tensor], Tensor] | None,
        unmarked: Images | None = None,
    ) -> None:
        self._levels = images.float()
        self._unmarked = self._levels if unmarked is None else unmarked.float()
        self._removers = removers
        self._options = options
        self._mark = mark
        self.direction = 1 if options.kind == "delta_d" else -1
        """1 or -1: the worth is the loss times it."""

    def __call__(self, delta: Tensor) -> Tensor:
        """The weighted sum of the removers' losses, times the direction: float32 ``(n,)``.

        Args:
            delta: whole grey levels, float32 ``(n, 1 or 3, h, w)``.
        """
        # Whole levels divided as every reader of a file divides them: removers see what they will see.
        protected = (self._levels + delta) / 255
        seen = self._mark(protected) if self._mark else protected
        losses = [weight * self._loss(remover(seen), seen, delta) for remover, weight in self._removers]
        return self.direction * torch.stack(losses).sum(0)

    def _loss(self, removal: Removal, seen: Tensor, delta: Tensor) -> Tensor:
        if self._options.kind == "delta_d":
            return disruption(removal, self._reference(self._unmarked, delta), self._options)
        # Under a mark, to be near the image without it is the remover's own aim; an inert delta leaves the mark.
        return visibility(removal, seen if self._mark else self._reference(self._levels, delta), self._options)

    def _reference(self, levels: Tensor, delta: Tensor) -> Tensor:
        # Never detached: a remover that moves with delta would be credited for delta itself.
        return levels / 255 if self._options.reference == "original" else (levels + delta) / 255
