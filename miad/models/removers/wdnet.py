"""WDNet: a decomposition of the marked image into mark, opacity, mask and background, then a refinement.

After Liu, Zhu and Bai, "WDNet: Watermark-Decomposition Network for Visible Watermark Removal" (WACV 2021). What public
weights need is kept: bilinear up-sampling with aligned corners, slopes of 0.2, the order of the refiner's channels.
"""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d

from miad.models.removers.base import Removal, Remover

_SLOPE = 0.2


class WDNet(Remover):
    """The generator of WDNet.

    Args:
        base_channels: width; 64 is the published one, of 21,043,848 parameters.
        epsilon: keeps the inverse blend finite where the opacity nears 1; public weights have 1e-6.
    """

    encoder: ClassVar[tuple[str, ...]] = ("downs",)
    bottleneck: ClassVar[tuple[str, ...]] = ("dilated",)
    decoder: ClassVar[tuple[str, ...]] = ("ups", "heads", "refiner")

    def __init__(self, base_channels: int = 64, epsilon: float = 1e-6) -> None:
        super().__init__(base_channels)
        c = base_channels
        self.epsilon = epsilon
        down, up = (3, c, 2 * c, 4 * c, 8 * c, 8 * c), ((16 * c, 4 * c), (8 * c, 2 * c), (4 * c, c), (2 * c, c))
        self.downs = nn.ModuleList(_double(*pair) for pair in pairwise(down))
        self.dilated = nn.Sequential(*(layer for reach in (2, 4, 6) for layer in _dilated(8 * c, reach)))
        self.ups = nn.ModuleList(_double(*pair) for pair in up)
        channels = {"mark": 3, "alpha": 1, "mask": 1, "features": c}
        self.heads = nn.ModuleDict({name: nn.Conv2d(c, count, 1) for name, count in channels.items()})
        first = nn.Sequential(nn.Conv2d(c + 6, c, 3, padding=1), *_activated(c, 2 * c))
        middle = (nn.Sequential(*_activated(2 * c, 2 * c)) for _ in range(3))
        self.refiner = nn.ModuleList([first, *middle, nn.Sequential(*_activated(2 * c, 3))])
        self.apply(_initialise)

    def remove(self, images: Tensor) -> Removal:
        """Decompose, invert the blend, refine, and put the result where the mask is."""
        decoded = self._decode(images)
        with torch.autocast(images.device.type, enabled=False):  # the inverse blend magnifies what rounding takes
            mark, alpha, mask, features = (head(decoded.float()).sigmoid() for head in self.heads.values())
        alpha = mask * alpha
        coarse = ((images - alpha * mark) / (1 - alpha + self.epsilon)).clamp(0, 1)
        refined = self._refine(torch.cat([features, coarse, images], 1))
        aux = {"mark": mark, "alpha": alpha, "coarse": coarse, "refined": refined}
        return Removal(refined * mask + (1 - mask) * images, mask, aux)

    def _decode(self, images: Tensor) -> Tensor:
        skips = [self.downs[0](images)]
        for down in list(self.downs)[1:]:
            skips.append(down(max_pool2d(skips[-1], 2)))
        x: Tensor = self.dilated(skips.pop())
        for up in self.ups:
            larger = interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
            x = up(torch.cat([skips.pop(), larger], 1))
        return x

    def _refine(self, x: Tensor) -> Tensor:
        first, second, third, fourth, last = self.refiner
        one = first(x)
        two = second(one)
        three = third(one + two)
        refined: Tensor = last(fourth(two + three) + three).sigmoid()
        return refined


def _double(read: int, written: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (read, written):
        layers += [nn.Conv2d(channels, written, 3, padding=1), nn.BatchNorm2d(written), nn.ReLU()]
    return nn.Sequential(*layers)


def _dilated(channels: int, reach: int) -> list[nn.Module]:
    convolution = nn.Conv2d(channels, channels, 3, padding=reach, dilation=reach)
    return [convolution, nn.BatchNorm2d(channels), nn.LeakyReLU(_SLOPE)]


def _activated(read: int, written: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(read), nn.LeakyReLU(_SLOPE), nn.Conv2d(read, written, 3, padding=1)]


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)
