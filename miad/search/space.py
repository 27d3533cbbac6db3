"""What a search may choose for one image."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from miad.watermark import Placement


@dataclass(frozen=True)
class Space:
    """The placements one image admits.

    Args:
        corners: for each variant this image may use, bool ``(h - h' + 1, w - w' + 1)``: the top-left corners it
            may take.
        alpha: lowest and highest opacity.
    """

    corners: Mapping[int, Tensor]
    alpha: tuple[int, int]

    @property
    def variants(self) -> tuple[int, ...]:
        """The variants this image may use."""
        return tuple(self.corners)

    @property
    def feasible(self) -> bool:
        """Whether any placement is allowed at all."""
        return any(bool(corners.any()) for corners in self.corners.values())

    def extent(self, variant: int) -> tuple[int, int]:
        """Largest x and y of a variant."""
        rows, columns = self.corners[variant].shape
        return columns - 1, rows - 1

    def allows(self, placement: Placement) -> Tensor:
        """Whether each placement is allowed, bool ``(n,)``: its corner, and its opacity."""
        low, high = self.alpha
        sound = (placement.x >= 0) & (placement.y >= 0) & (placement.alpha >= low) & (placement.alpha <= high)
        allowed = torch.zeros(len(placement), dtype=torch.bool)
        for variant, corners in self.corners.items():
            width, height = corners.shape[1], corners.shape[0]
            chosen = sound & (placement.variant == variant) & (placement.x < width) & (placement.y < height)
            allowed[chosen] = corners[placement.y[chosen], placement.x[chosen]]
        return allowed

    def nearest(self, placement: Placement) -> Placement:
        """The same placements, those that are not allowed moved to the nearest corner that is.

        Those of variants that the image does not use, or has no room for, stay where they are.
        """
        rows, wrong = placement.rows(), ~self.allows(placement)
        for variant in sorted(set(placement.variant[wrong].tolist()) & self.corners.keys()):
            free = self.corners[variant].nonzero()
            for index in (wrong & (placement.variant == variant)).nonzero()[:, 0].tolist() if len(free) else ():
                rows[index, :2] = free[(free - rows[index, [1, 0]]).square().sum(1).argmin()].flip(0)
        return Placement.from_rows(rows)

    def draw(self, count: int, generator: torch.Generator) -> Placement:
        """Uniform placements: a variant that has room, one of its corners, an alpha.

        Raises:
            ValueError: nothing is allowed.
        """
        roomy = [variant for variant in self.variants if self.corners[variant].any()]
        if not roomy:
            raise ValueError("no placement is allowed")
        variant = torch.tensor(roomy)[torch.randint(len(roomy), (count,), generator=generator)]
        alpha = self.draw_alpha(count, generator)
        return Placement.from_rows(
            torch.stack(
                [torch.stack([*self._corner(int(v), generator), a, v]) for v, a in zip(variant, alpha, strict=True)]
            )
        )

    def draw_alpha(self, count: int, generator: torch.Generator) -> Tensor:
        """Uniform opacities, int64 ``(count,)``."""
        return torch.randint(self.alpha[0], self.alpha[1] + 1, (count,), generator=generator)

    def _corner(self, variant: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        corners = self.corners[variant].nonzero()
        y, x = corners[torch.randint(len(corners), (), generator=generator)]
        return x, y


def image_generator(seed: int, image_id: str) -> torch.Generator:
    """An image's own random numbers: the same whatever the order, batch size, number of processes or resume."""
    digest = hashlib.sha256(f"{seed}:{image_id}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big", signed=True))
