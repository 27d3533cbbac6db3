"""The residual U-Net blocks that BVMR, SplitNet and SLBR are made of."""

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

Norm: TypeAlias = Callable[..., nn.Module]
"""Makes a normalisation of so many channels; takes ``eps``."""
Activation: TypeAlias = Callable[[Tensor], Tensor]
Upsampling: TypeAlias = Callable[[int, int], nn.Module]
"""Makes a layer from so many channels to so many, of twice the size."""
Dilations: TypeAlias = tuple[int, int, int]

_DENSE: Dilations = (1, 1, 1)


def transposed(read: int, written: int) -> nn.Module:
    """A transposed convolution."""
    return nn.ConvTranspose2d(read, written, 2, stride=2)


def bilinear(read: int, written: int) -> nn.Module:
    """Bilinear interpolation, then a 3x3 convolution."""
    return nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(read, written, 3, padding=1))


class Down(nn.Module):
    """A convolution and three residual ones, all 3x3.

    Args:
        read: channels of the input.
        written: channels of the output.
        norm: normalisation.
        activation: after every sum.
        outer: normalisation of the first convolution, ``norm`` if not given.
        dilations: of the residual convolutions.
    """

    def __init__(
        self,
        read: int,
        written: int,
        norm: Norm,
        activation: Activation,
        *,
        outer: Norm | None = None,
        dilations: Dilations = _DENSE,
    ) -> None:
        super().__init__()
        self.activation = activation
        self.conv = nn.Conv2d(read, written, 3, padding=1)
        self.norm = (outer or norm)(written)
        self.convs, self.norms = _residuals(written, norm, dilations)

    def forward(self, x: Tensor) -> Tensor:
        """Float ``(n, read, h, w)`` to ``(n, written, h, w)``."""
        return _residual(self.activation(self.norm(self.conv(x))), self.convs, self.norms, self.activation)


class Up(nn.Module):
    """Twice the size, joined with a skip, then as `Down`.

    Args:
        read: channels of the input.
        written: channels of the skip and of the output.
        norm: normalisation.
        activation: after every sum.
        eps: of the normalisation after the join; SplitNet's published weights were trained with the number of channels
            there.
        outer: normalisation before and after the join, ``norm`` if not given.
        upsampling: what doubles the size.
        dilations: of the residual convolutions.
    """

    def __init__(
        self,
        read: int,
        written: int,
        norm: Norm,
        activation: Activation,
        eps: float = 1e-5,
        *,
        outer: Norm | None = None,
        upsampling: Upsampling = transposed,
        dilations: Dilations = _DENSE,
    ) -> None:
        super().__init__()
        outer = outer or norm
        self.activation = activation
        self.up = upsampling(read, written)
        self.up_norm = outer(written)
        self.conv = nn.Conv2d(2 * written, written, 3, padding=1)
        self.norm = outer(written, eps=eps)
        self.convs, self.norms = _residuals(written, norm, dilations)

    def forward(self, x: Tensor, skip: Tensor, gate: nn.Module | None = None) -> Tensor:
        """Float ``(n, read, h, w)`` and ``(n, written, 2h, 2w)`` to the latter; the gate scales the last residual."""
        larger = self.activation(self.up_norm(self.up(x)))
        joined = self.activation(self.norm(self.conv(torch.cat([larger, skip], 1))))
        return _residual(joined, self.convs, self.norms, self.activation, gate)


class Downs(nn.ModuleList):
    """`Down` blocks, each of half the size and twice the channels of the one before.

    Args:
        read: channels of the images.
        base_channels: channels of the first block.
        norm: normalisation.
        activation: after every sum.
        outer: normalisation of every block's first convolution, ``norm`` if not given.
        levels: number of blocks.
    """

    def __init__(
        self,
        read: int,
        base_channels: int,
        norm: Norm,
        activation: Activation,
        *,
        outer: Norm | None = None,
        levels: int = 5,
    ) -> None:
        channels = [read, *(base_channels * 2**level for level in range(levels))]
        super().__init__(Down(*pair, norm, activation, outer=outer) for pair in pairwise(channels))

    def forward(self, x: Tensor) -> list[Tensor]:
        """What every block answers, the largest first."""
        found = [self[0](x)]
        for down in list(self)[1:]:
            found.append(down(max_pool2d(found[-1], 2)))
        return found


def _residuals(channels: int, norm: Norm, dilations: Dilations) -> tuple[nn.ModuleList, nn.ModuleList]:
    convs = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=reach, dilation=reach) for reach in dilations)
    return convs, nn.ModuleList(norm(channels) for _ in dilations)


def _residual(
    x: Tensor, convs: nn.ModuleList, norms: nn.ModuleList, activation: Activation, gate: nn.Module | None = None
) -> Tensor:
    for number, (conv, norm) in enumerate(zip(convs, norms, strict=True), 1):
        change = norm(conv(x))
        if gate is not None and number == len(convs):
            change = gate(change)
        x = activation(change + x)
    return x
