"""BVMR: one encoder, a decoder shared by image and mark, and a decoder of full depth for the mask.

After Hertz, Fogel, Hanocka, Giryes and Cohen-Or, "Blind Visual Motif Removal from a Single Image" (CVPR 2019), with two
shared levels and the decoder of the mark. SplitNet grew out of it.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn

from miad.models.removers.base import Removal, Remover
from miad.models.removers.blocks import Downs, Up


class BVMR(Remover):
    """The network of BVMR; it works on -1..1 inside.

    Args:
        base_channels: width; 32 is the published one, of 20,514,919 parameters.
    """

    encoder: ClassVar[tuple[str, ...]] = ("downs",)
    decoder: ClassVar[tuple[str, ...]] = ("shared", "branches")
    idle: ClassVar[tuple[str, ...]] = ("branches.mark",)

    def __init__(self, base_channels: int = 32) -> None:
        super().__init__(base_channels)
        c = base_channels
        # Normalised are the residuals alone.
        self.downs = Downs(3, c, nn.BatchNorm2d, torch.relu, outer=nn.Identity)
        self.shared = _Ups([16 * c, 8 * c, 4 * c])
        own = [4 * c, 2 * c, c]
        self.branches = nn.ModuleDict(
            {"image": _Branch(own, 3), "mark": _Branch(own, 3), "mask": _Branch([16 * c, 8 * c, *own], 1)}
        )

    def remove(self, images: Tensor) -> Removal:
        """Decode image, mark and mask, and put the image where the mask is."""
        *skips, deepest = self.downs(2 * images - 1)
        skips.reverse()
        shared = self.shared(deepest, skips[:2])
        refined, mark = ((self.branches[name](shared, skips[2:]).tanh() + 1) / 2 for name in ("image", "mark"))
        mask = self.branches["mask"](deepest, skips).sigmoid()
        return Removal(refined * mask + images * (1 - mask), mask, {"mark": mark, "refined": refined})


class _Ups(nn.ModuleList):
    """Blocks that climb from one number of channels to the next."""

    def __init__(self, channels: list[int]) -> None:
        super().__init__(Up(*pair, nn.BatchNorm2d, torch.relu, outer=nn.Identity) for pair in pairwise(channels))

    def forward(self, x: Tensor, skips: Sequence[Tensor]) -> Tensor:
        for up, skip in zip(self, skips, strict=True):
            x = up(x, skip)
        return x


class _Branch(nn.Module):
    """What image, mark and mask have for themselves."""

    def __init__(self, channels: list[int], written: int) -> None:
        super().__init__()
        self.ups = _Ups(channels)
        self.last = nn.Conv2d(channels[-1], written, 1)

    def forward(self, x: Tensor, skips: Sequence[Tensor]) -> Tensor:
        decoded: Tensor = self.last(self.ups(x, skips))
        return decoded
