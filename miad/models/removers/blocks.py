"""The residual U-Net blocks that SplitNet is made of."""

from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d

Norm: TypeAlias = Callable[..., nn.Module]
"""Makes a normalisation of so many channels; takes ``eps``."""
Activation: TypeAlias = Callable[[Tensor], Tensor]

_RESIDUALS = 3


class Down(nn.Module):
    """A convolution and three residual ones, all 3x3.

    Args:
        read: channels of the input.
        written: channels of the output.
        norm: normalisation.
        activation: after every sum.
    """

    def __init__(self, read: int, written: int, norm: Norm, activation: Activation) -> None:
        super().__init__()
        self.activation = activation
        self.conv = nn.Conv2d(read, written, 3, padding=1)
        self.norm = norm(written)
        self.convs, self.norms = _residuals(written, norm)

    def forward(self, x: Tensor) -> Tensor:
        """Float ``(n, read, h, w)`` to ``(n, written, h, w)``."""
        return _residual(self.activation(self.norm(self.conv(x))), self.convs, self.norms, self.activation)


class Up(nn.Module):
    """Twice the size by a transposed convolution, joined with a skip, then as `Down`.

    Args:
        read: channels of the input.
        written: channels of the skip and of the output.
        norm: normalisation.
        activation: after every sum.
        eps: of the normalisation after the join; published weights were trained with the number of channels there.
    """

    def __init__(self, read: int, written: int, norm: Norm, activation: Activation, eps: float) -> None:
        super().__init__()
        self.activation = activation
        self.up = nn.ConvTranspose2d(read, written, 2, stride=2)
        self.up_norm = norm(written)
        self.conv = nn.Conv2d(2 * written, written, 3, padding=1)
        self.norm = norm(written, eps=eps)
        self.convs, self.norms = _residuals(written, norm)

    def forward(self, x: Tensor, skip: Tensor, gate: nn.Module | None = None) -> Tensor:
        """Float ``(n, read, h, w)`` and ``(n, written, 2h, 2w)`` to the latter; the gate scales the last residual."""
        larger = self.activation(self.up_norm(self.up(x)))
        joined = self.activation(self.norm(self.conv(torch.cat([larger, skip], 1))))
        return _residual(joined, self.convs, self.norms, self.activation, gate)


class Downs(nn.ModuleList):
    """Five `Down` blocks, each of half the size and twice the channels of the one before.

    Args:
        read: channels of the images.
        base_channels: channels of the first block.
        norm: normalisation.
        activation: after every sum.
    """

    def __init__(self, read: int, base_channels: int, norm: Norm, activation: Activation) -> None:
        channels = [read, *(base_channels * 2**level for level in range(5))]
        super().__init__(Down(*pair, norm, activation) for pair in pairwise(channels))

    def forward(self, x: Tensor) -> list[Tensor]:
        """What every block answers, the largest first."""
        found = [self[0](x)]
        for down in list(self)[1:]:
            found.append(down(max_pool2d(found[-1], 2)))
        return found


def _residuals(channels: int, norm: Norm) -> tuple[nn.ModuleList, nn.ModuleList]:
    convs = nn.ModuleList(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(_RESIDUALS))
    return convs, nn.ModuleList(norm(channels) for _ in range(_RESIDUALS))


def _residual(
    x: Tensor, convs: nn.ModuleList, norms: nn.ModuleList, activation: Activation, gate: nn.Module | None = None
) -> Tensor:
    for number, (conv, norm) in enumerate(zip(convs, norms, strict=True), 1):
        change = norm(conv(x))
        if gate is not None and number == _RESIDUALS:
            change = gate(change)
        x = activation(change + x)
    return x
