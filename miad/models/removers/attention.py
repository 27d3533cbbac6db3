"""Channel gates, and the attention of SplitNet's refiner that treats a mark and its surroundings apart."""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, elu, pad


class ChannelGate(nn.Module):
    """Scales every channel by what the channels' means, and maxima if asked for, say (squeeze and excitation).

    Args:
        channels: of the map.
        maxima: read the maxima as well.
    """

    def __init__(self, channels: int, *, maxima: bool = False) -> None:
        super().__init__()
        self.maxima = maxima
        few = max(1, channels // 16)
        read = 2 * channels if maxima else channels
        self.fc = nn.Sequential(nn.Linear(read, few), nn.ReLU(), nn.Linear(few, channels), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """Float ``(n, c, h, w)``."""
        summary = x.mean((2, 3))
        if self.maxima:
            summary = torch.cat([summary, x.amax((2, 3))], 1)
        scaled: Tensor = x * self.fc(summary)[:, :, None, None]
        return scaled


class MaskedAttention(nn.Module):
    """Gates outside of the mask; inside, other gates and a small network (RASC of S2AM; Cun and Pun, TIP 2020).

    Args:
        channels: of the map.
    """

    kernel: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.background, self.mixed, self.spliced = (ChannelGate(channels, maxima=True) for _ in range(3))
        self.conv1 = nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(2 * channels)
        self.conv2 = nn.Conv2d(2 * channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.register_buffer("kernel", _gaussian())

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Float ``(n, c, h, w)`` and a mask ``(n, 1, h', w')``, as large or 2 or 4 times as large."""
        mask = _reduced(mask, x.shape[-1])
        inside, outside = (self._smoothed(part) for part in (mask, 1 - mask))
        connected = elu(self.norm1(self.conv1(self.spliced(x))))
        connected = elu(self.norm2(self.conv2(connected)))
        attended: Tensor = self.background(x) * outside + (connected + self.mixed(x)) * inside
        return attended

    def _smoothed(self, mask: Tensor) -> Tensor:
        return conv2d(pad(mask, (2, 2, 2, 2), mode="reflect"), self.kernel)


def _reduced(mask: Tensor, width: int) -> Tensor:
    """For a smaller map: hard, without gradient, of a 2x2 corner of each cell, as published weights need it."""
    if mask.shape[-1] == width:
        return mask
    return avg_pool2d(mask, 2, mask.shape[-1] // width).round().detach()


def _gaussian() -> Tensor:
    """5x5, of a standard deviation of sqrt(2), as published."""
    taps = (-(((torch.arange(5.0) - 2) / 2) ** 2)).exp()
    return (torch.outer(taps, taps) / taps.sum() ** 2).view(1, 1, 5, 5)
