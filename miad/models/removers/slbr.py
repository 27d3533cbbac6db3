"""SLBR: a mask that calibrates itself guides the decoder of the image, and a second network refines what that gives.

After Liang, Niu, Guo, Long and Zhang, "Visible Watermark Removal via Self-calibrated Localization and Background
Refinement" (ACM MM 2021). Written from a description that gives every weight's shape and the cost of the whole, but not
every step; comments say what is done where it is silent. Heights and widths are kept apart: images need not be square.
"""

from functools import partial
from itertools import pairwise
from typing import ClassVar, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu, max_pool2d

from miad.errors import InputError
from miad.models.removers.base import Removal, Remover
from miad.models.removers.blocks import Down, Downs, Up, bilinear
from miad.models.removers.slbr_blocks import Found, ImageUp, MaskUp, NeighbourGate

_LEVELS = 3
_FUSIONS = 3
# The text names no slope; the refiner's blocks have the published names of SplitNet's refiner, which has this one.
_SLOPE = 0.01
# The text gives the bottleneck these without saying where: a block has as many residuals.
_DILATIONS = (1, 2, 5)

_Pyramid: TypeAlias = list[Tensor]
"""Maps of c, 2c and 4c channels, of the images' size, a half and a quarter of it."""


class SLBR(Remover):
    """Both stages of SLBR.

    ``aux`` has the masks of every level, ``primary_0`` and ``calibrated_0`` of the images' size, ``_1`` of half of it,
    ``_2`` of a quarter, all enlarged to it; ``calibrated_0`` is the mask.

    Args:
        base_channels: width, even; 32 is the published one, of 21,390,953 parameters.

    Raises:
        InputError: the width is odd; blocks that halve it could not.
    """

    encoder: ClassVar[tuple[str, ...]] = ("downs", "refiner.first", "refiner.downs")
    bottleneck: ClassVar[tuple[str, ...]] = ("shared",)
    decoder: ClassVar[tuple[str, ...]] = (
        "masks",
        "images",
        "last",
        "refiner.adapters",
        "refiner.fusions",
        "refiner.last",
    )
    # A primary mask is cut at 0.5 before it is read, which passes no gradient.
    idle: ClassVar[tuple[str, ...]] = tuple(
        f"masks.{level}.{part}" for level in range(_LEVELS) for part in ("primary", "unused")
    )

    def __init__(self, base_channels: int = 32) -> None:
        super().__init__(base_channels)
        if base_channels % 2:
            raise InputError(f"expected an even base_channels, found {base_channels}")
        c = base_channels
        pairs = list(pairwise((8 * c, 4 * c, 2 * c, c)))
        self.downs = Downs(3, c, nn.BatchNorm2d, torch.relu, levels=_LEVELS)
        self.shared = _Bottleneck(c)
        self.masks = nn.ModuleList(MaskUp(*pair) for pair in pairs)
        self.images = nn.ModuleList(ImageUp(*pair) for pair in pairs)
        self.last = nn.Conv2d(c, 3, 1)
        self.refiner = _Refiner(c)

    def remove(self, images: Tensor) -> Removal:
        """Decode mask and image together, refine, and put the result where the mask is."""
        found, decoded = self._decode(self.downs(images))
        mask = found[0].calibrated
        # The text has "tanh + x" for both, and x are the images; nor does it blend the coarse image before refining.
        coarse = (self.last(decoded[0]).tanh() + images).clamp(0, 1)
        refined = (self.refiner(coarse, mask, decoded).tanh() + images).clamp(0, 1)
        aux = {"coarse": coarse, "refined": refined, **_enlarged(found)}
        return Removal(refined * mask + images * (1 - mask), mask, aux)

    def _decode(self, skips: _Pyramid) -> tuple[list[Found], _Pyramid]:
        image, features = self.shared(skips[-1])
        found: list[Found] = []
        decoded: _Pyramid = []
        for mask_up, image_up, skip in zip(self.masks, self.images, reversed(skips), strict=True):
            found.insert(0, mask_up(features, skip))
            features = found[0].features
            # The text has "the previous mask": the only one before the first image level is the mask of that level.
            image = image_up(image, skip, found[0].calibrated)
            decoded.insert(0, image)
        return found, decoded


class _Bottleneck(nn.Module):
    """What image and mask start from, by the same layers; each has a gate of its own in the last one."""

    def __init__(self, c: int) -> None:
        super().__init__()
        pairs = pairwise((4 * c, 8 * c, 16 * c))
        self.downs = nn.ModuleList(Down(*pair, nn.InstanceNorm2d, torch.relu, dilations=_DILATIONS) for pair in pairs)
        self.up = Up(16 * c, 8 * c, nn.InstanceNorm2d, torch.relu, upsampling=bilinear, dilations=_DILATIONS)
        self.gates = nn.ModuleDict({name: NeighbourGate() for name in ("image", "mask")})

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        first, second = self.downs
        skip = first(max_pool2d(x, 2))
        deepest = second(max_pool2d(skip, 2))
        return self.up(deepest, skip, self.gates["image"]), self.up(deepest, skip, self.gates["mask"])


class _Refiner(nn.Module):
    """Three levels of coarse image and mask, each with what the image's decoder had there, fused three times."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.first = _convs((4, 3, c))
        self.adapters = nn.ModuleList(
            [_convs((c, 1, c)), _convs((2 * c, 1, c), (c, 3, c)), _convs((4 * c, 1, 2 * c), (2 * c, 3, 2 * c))]
        )
        self.downs = _downs(c)
        self.fusions = nn.ModuleList(_Fusion(c) for _ in range(_FUSIONS))
        self.last = nn.Sequential(
            nn.Conv2d((1 + 2 + 4) * c, c, 3, padding=1),
            nn.InstanceNorm2d(c),
            nn.LeakyReLU(_SLOPE),
            nn.Conv2d(c, 3, 1),
        )

    def forward(self, coarse: Tensor, mask: Tensor, decoded: _Pyramid) -> Tensor:
        extras = [adapter(features) for adapter, features in zip(self.adapters, decoded, strict=True)]
        extras[0] = extras[0] + self.first(torch.cat([coarse, mask], 1))
        maps = _descend(self.downs, extras)
        for fusion in self.fusions:
            maps = fusion(maps)
        refined: Tensor = self.last(torch.cat([_resized(found, coarse) for found in maps], 1))
        return refined


class _Fusion(nn.Module):
    """Every level anew, of the level above, of itself and of the deepest (CFF).

    Which convolution leads where is told by channels: each writes what the block of its level reads.
    """

    def __init__(self, c: int) -> None:
        super().__init__()
        self.downs = _downs(c)
        self.middle = _convs((2 * c, 3, c), (c, 3, c))
        self.deepest = _convs((4 * c, 3, 2 * c), (2 * c, 3, 2 * c))
        self.to_middle = _convs((4 * c, 3, c))
        self.to_largest = _convs((4 * c, 3, c))

    def forward(self, maps: _Pyramid) -> _Pyramid:
        largest, middle, deepest = maps
        extras = [
            # Enlarged first, then convolved: only so does the whole cost what was measured of the original.
            largest + self.to_largest(_resized(deepest, largest)),
            self.middle(middle) + self.to_middle(_resized(deepest, middle)),
            self.deepest(deepest),
        ]
        return _descend(self.downs, extras)


def _downs(c: int) -> nn.ModuleList:
    activation = partial(leaky_relu, negative_slope=_SLOPE)
    return nn.ModuleList(Down(*pair, nn.InstanceNorm2d, activation) for pair in pairwise((c, c, 2 * c, 4 * c)))


def _convs(*layers: tuple[int, int, int]) -> nn.Sequential:
    """Convolutions of so many channels read, of so large a kernel, of so many written, each activated."""
    return nn.Sequential(
        *(
            layer
            for read, kernel, written in layers
            for layer in (nn.Conv2d(read, written, kernel, padding=kernel // 2), nn.LeakyReLU(_SLOPE))
        )
    )


def _descend(downs: nn.ModuleList, extras: _Pyramid) -> _Pyramid:
    """What every block answers to half the size of the one before and its extra, summed."""
    found: _Pyramid = []
    for down, extra in zip(downs, extras, strict=True):
        found.append(down(max_pool2d(found[-1], 2) + extra if found else extra))
    return found


def _enlarged(found: list[Found]) -> dict[str, Tensor]:
    return {
        f"{name}_{level}": _resized(mask, found[0].calibrated)
        for level, (_, primary, calibrated) in enumerate(found)
        for name, mask in (("primary", primary), ("calibrated", calibrated))
    }


def _resized(x: Tensor, like: Tensor) -> Tensor:
    return interpolate(x, size=like.shape[-2:], mode="bilinear")
