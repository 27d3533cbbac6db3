"""The blocks of SLBR's decoders: a gate over channels, a mask that calibrates itself, an image guided by that mask."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from miad.models.removers.blocks import Up, bilinear

_CENTRES = 2
_LEAST_AREA = 100


class NeighbourGate(nn.Module):
    """Scales every channel by what its mean and its neighbours' means say (ECA; Wang et al., CVPR 2020)."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv1d(1, 1, 3, padding=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Float ``(n, c, h, w)``."""
        scale: Tensor = self.mix(x.mean((2, 3))[:, None]).sigmoid()
        return x * scale[:, 0, :, None, None]


class Found(NamedTuple):
    """What a level of the mask's decoder finds: float ``(n, c, h, w)`` and two masks ``(n, 1, h, w)``, 0..1."""

    features: Tensor
    primary: Tensor
    calibrated: Tensor


class MaskUp(nn.Module):
    """A level of the mask's decoder: features, a primary mask of them, and that mask calibrated (SMR).

    Args:
        read: channels of the input.
        written: channels of the skip and of the features.
    """

    def __init__(self, read: int, written: int) -> None:
        super().__init__()
        self.skip_gate = NeighbourGate()
        self.up = Up(read, written, nn.BatchNorm2d, torch.relu, upsampling=bilinear)
        self.primary = nn.Conv2d(written, 1, 1)
        self.calibration = _Calibration(written)
        self.unused = _Unused(written)

    def forward(self, x: Tensor, skip: Tensor) -> Found:
        """Float ``(n, read, h, w)`` and ``(n, written, 2h, 2w)`` to maps of the latter's size."""
        features = self.up(x, self.skip_gate(skip))
        primary = self.primary(features).sigmoid()
        return Found(features, primary, self.calibration(features, primary))


class ImageUp(nn.Module):
    """A level of the image's decoder: residuals that a mask opens and closes pixel by pixel (MBE).

    Args:
        read: channels of the input.
        written: channels of the skip and of the output; even.
    """

    def __init__(self, read: int, written: int) -> None:
        super().__init__()
        half = written // 2
        self.skip_gate = NeighbourGate()
        self.up = bilinear(read, written)
        self.up_norm = nn.InstanceNorm2d(written)
        self.conv = nn.Conv2d(2 * written, written, 3, padding=1)
        self.norm = nn.InstanceNorm2d(written)
        self.gates = nn.ModuleList(_spatial(half) for _ in range(3))
        self.changes = nn.ModuleList(nn.Conv2d(half, written, 3, padding=1) for _ in range(3))
        self.norms = nn.ModuleList(nn.InstanceNorm2d(written) for _ in range(3))

    def forward(self, x: Tensor, skip: Tensor, mask: Tensor) -> Tensor:
        """Float ``(n, read, h, w)``, ``(n, written, 2h, 2w)`` and a mask of the skip's size to the skip's shape."""
        larger = self.up_norm(self.up(x)).relu()
        x = self.norm(self.conv(torch.cat([larger, self.skip_gate(skip)], 1))).relu()
        for gate, change, norm in zip(self.gates, self.changes, self.norms, strict=True):
            # The text leaves open which half is which, and what the gate scales: here a residual's normalised change,
            # as the gates of SplitNet do.
            gating, changing = x.chunk(2, 1)
            x = (norm(change(changing)) * gate(torch.cat([gating, mask], 1)) + x).relu()
        return x


class _Calibration(nn.Module):
    """Compares every pixel with the mean of the mark and that of its surroundings, as a primary mask parts them.

    Of the similarity the text says "additive tanh" and no more. Here it is that of additive attention,
    ``v . tanh([q, k])``, as the width of ``v`` has it, and without a softmax, which would cancel the query.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        few = max(1, channels // 8)
        self.query = nn.Conv2d(channels, channels, 1)
        self.key = nn.Conv2d(channels, _CENTRES * channels, 1)
        self.value = nn.Conv2d(channels, _CENTRES * channels, 1)
        self.score = nn.Conv2d(2 * channels, 1, 1)
        self.out = nn.Sequential(
            nn.Conv2d(channels, few, 3, padding=1), nn.ReLU(), nn.Conv2d(few, 1, 3, padding=1), nn.Sigmoid()
        )

    def forward(self, x: Tensor, primary: Tensor) -> Tensor:
        """Float ``(n, c, h, w)`` and a mask ``(n, 1, h, w)``, which is cut at 0.5, to another mask."""
        mark = (primary > 0.5).to(x.dtype)
        regions = torch.cat([mark, 1 - mark], 1)
        query: Tensor = self.query(x)
        read = query
        for key, value in zip(_means(self.key(x), regions), _means(self.value(x), regions), strict=True):
            read = read + self.score(torch.cat([query, key.expand_as(query)], 1).tanh()) * value
        calibrated: Tensor = self.out(read)
        return calibrated


class _Unused(nn.Module):
    """Weights that published state dicts hold and that no answer depends on: a second head, and one of each centre."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.head = nn.Conv2d(channels, 1, 1)
        self.weights = nn.Parameter(torch.ones(1, _CENTRES, 1, 1))
        self.requires_grad_(False)  # no loss reaches them, and training in several processes would wait for it


def _means(maps: Tensor, regions: Tensor) -> Iterator[Tensor]:
    """For every region the means of its own channels there, ``(n, c, 1, 1)``; towards 0 where the region is small."""
    for own, region in zip(maps.chunk(_CENTRES, 1), regions.chunk(_CENTRES, 1), strict=True):
        area = region.sum((2, 3), keepdim=True).clamp(min=_LEAST_AREA)
        yield (own * region).sum((2, 3), keepdim=True) / area


def _spatial(half: int) -> nn.Sequential:
    few = max(1, half // 2)
    return nn.Sequential(
        nn.Conv2d(half + 1, few, 5, padding=2), nn.ReLU(), nn.Conv2d(few, 1, 5, padding=2), nn.Sigmoid()
    )
