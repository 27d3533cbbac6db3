"""SplitNet: one encoder, a decoder shared by image, mask and mark, and a second network that refines inside the mask.

After Cun and Pun, "Split then Refine: Stacked Attention-guided ResUNets for Blind Single Image Visible Watermark
Removal" (AAAI 2021), the published ``vvv4n``. (MIAD-MARK's reference 36 is another SplitNet.)
"""

from functools import partial
from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from miad.models.removers.attention import ChannelGate, MaskedAttention
from miad.models.removers.base import Removal, Remover
from miad.models.removers.blocks import Downs, Up

_EPS = 1e-5


class SplitNet(Remover):
    """Both stages of SplitNet.

    Args:
        base_channels: width; 32 is the published one, of 32,606,396 parameters.
        published_eps: normalise after every join with an ``eps`` of the number of channels, as published weights need
            it; 1e-5 otherwise.
    """

    encoder: ClassVar[tuple[str, ...]] = ("downs", "refiner.downs")
    decoder: ClassVar[tuple[str, ...]] = (
        "shared",
        "gates",
        "branches",
        "refiner.ups",
        "refiner.attentions",
        "refiner.last",
    )
    idle: ClassVar[tuple[str, ...]] = ("gates.mark", "branches.mark")

    def __init__(self, base_channels: int = 32, *, published_eps: bool = True) -> None:
        super().__init__(base_channels)
        self.published = published_eps
        c = base_channels
        self.downs = Downs(3, c, nn.BatchNorm2d, torch.relu)
        pairs = ((16 * c, 8 * c), (8 * c, 4 * c))
        self.shared = nn.ModuleList(
            Up(*pair, nn.BatchNorm2d, torch.relu, _eps(pair[1], published=published_eps)) for pair in pairs
        )
        outputs = {"image": 3, "mask": 1, "mark": 3}
        self.gates = nn.ModuleDict({name: nn.ModuleList([ChannelGate(8 * c), ChannelGate(4 * c)]) for name in outputs})
        self.branches = nn.ModuleDict(
            {name: _Branch(c, count, published_eps=published_eps) for name, count in outputs.items()}
        )
        self.refiner = _Refiner(c, published_eps=published_eps)
        self.downs.apply(_initialise)
        self.shared.apply(_initialise)
        self.branches.apply(_initialise)

    def remove(self, images: Tensor) -> Removal:
        """Split, then refine, and put the result where the mask is."""
        skips = self.downs(images)
        image, mask, mark = (self._decode(name, skips) for name in self.branches)
        raw, mask, mark = image.tanh() + images, mask.sigmoid(), mark.tanh() + images
        coarse = raw * mask + images * (1 - mask)
        refined = self.refiner(coarse, mask)
        aux = {"mark": mark, "coarse": coarse, "raw": raw, "refined": refined}
        return Removal(refined * mask + images * (1 - mask), mask, aux)

    def _decode(self, name: str, skips: list[Tensor]) -> Tensor:
        x = skips[4]
        for up, skip, gate in zip(self.shared, (skips[3], skips[2]), self._gates(name), strict=True):
            x = up(x, skip, gate)
        decoded: Tensor = self.branches[name](x, skips[1], skips[0])
        return decoded

    def _gates(self, name: str) -> list[nn.Module]:
        gates = self.gates[name]
        assert isinstance(gates, nn.ModuleList)
        return list(gates)


class _Branch(nn.Module):
    """What image, mask and mark have for themselves."""

    def __init__(self, c: int, written: int, *, published_eps: bool) -> None:
        super().__init__()
        self.ups = _ups([4 * c, 2 * c, c], published_eps=published_eps)
        self.last = nn.Conv2d(c, written, 1)

    def forward(self, x: Tensor, *skips: Tensor) -> Tensor:
        for up, skip in zip(self.ups, skips, strict=True):
            x = up(x, skip)
        decoded: Tensor = self.last(x)
        return decoded


class _Refiner(nn.Module):
    """A U-Net over the coarse image and the mask, with attention to the mask in its three largest maps."""

    def __init__(self, c: int, *, published_eps: bool) -> None:
        super().__init__()
        self.downs = Downs(4, c, nn.InstanceNorm2d, partial(leaky_relu, negative_slope=0.01))
        self.ups = _ups([16 * c, 8 * c, 4 * c, 2 * c, c], published_eps=published_eps)
        self.attentions = nn.ModuleList(MaskedAttention(channels) for channels in (4 * c, 2 * c, c))
        self.last = nn.Conv2d(c, 3, 1)

    def forward(self, coarse: Tensor, mask: Tensor) -> Tensor:
        *skips, x = self.downs(torch.cat([coarse, mask], 1))
        for number, up in enumerate(self.ups):
            x = up(x, skips.pop())
            if number:
                x = self.attentions[number - 1](x, mask)
        refined: Tensor = self.last(x).tanh() + coarse
        return refined


def _ups(channels: list[int], *, published_eps: bool) -> nn.ModuleList:
    return nn.ModuleList(
        Up(read, written, nn.InstanceNorm2d, torch.relu, _eps(written, published=published_eps))
        for read, written in pairwise(channels)
    )


def _eps(channels: int, *, published: bool) -> float:
    return float(channels) if published else _EPS


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d) and module.bias is not None:
        nn.init.xavier_normal_(module.weight)
        nn.init.zeros_(module.bias)
