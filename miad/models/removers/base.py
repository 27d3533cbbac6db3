"""What every remover takes and answers."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from miad.errors import InputError


@dataclass(frozen=True)
class Removal:
    """What a remover makes of some images; every map has the images' height and width.

    Args:
        image: float ``(n, 3, h, w)``, the images without their marks, about 0..1 (not every network clamps).
        mask: float ``(n, 1, h, w)``, 0..1: where it sees the mark.
        aux: further maps by name, as the network has them: its estimate of the mark, of its opacity, a coarse image.
    """

    image: Tensor
    mask: Tensor
    aux: Mapping[str, Tensor] = field(default_factory=dict)


class Remover(nn.Module, ABC):
    """A network that removes marks from images of any size.

    Subclasses give `remove`, which may ask for sides that are multiples of ``stride``, and name their parts.

    Args:
        base_channels: width.
    """

    stride: ClassVar[int] = 16
    """Sides are padded to a multiple of it."""
    smallest: ClassVar[int] = 32
    """Sides are padded to it at least."""
    encoder: ClassVar[tuple[str, ...]]
    """Names of the modules that fine-tuning freezes (MIAD-MARK eq. 2: "the encoders")."""
    bottleneck: ClassVar[tuple[str, ...]] = ()
    """Names of the modules between encoder and decoder; the paper does not say on which side they are."""
    decoder: ClassVar[tuple[str, ...]]
    """Names of the modules that fine-tuning trains."""

    idle: ClassVar[tuple[str, ...]] = ()
    """Names of the modules that a loss of the image alone gives no gradient."""
    published: bool = False
    """Whether it has the numerical oddities that published weights need."""

    def __init__(self, base_channels: int) -> None:
        super().__init__()
        self.base_channels = base_channels

    @abstractmethod
    def remove(self, images: Tensor) -> Removal:
        """Remove the marks of images whose sides are multiples of the stride."""

    def forward(self, images: Tensor) -> Removal:
        """Remove the marks of images of any size, reflected beyond their edges as far as the network needs.

        Args:
            images: float ``(n, 3, h, w)``, 0..1.

        Raises:
            InputError: the images are too small to be reflected.
        """
        images = images.contiguous(memory_format=torch.channels_last)
        height, width = images.shape[-2:]
        below, right = (self._missing(side) for side in (height, width))
        if not below and not right:
            return self.remove(images)
        if below >= height or right >= width:
            least = self.smallest // 2 + 1
            raise InputError(f"expected images of {least} pixels a side or more, found {width}x{height}")
        found = self.remove(pad(images, (0, right, 0, below), mode="reflect"))
        aux = {name: part[..., :height, :width] for name, part in found.aux.items()}
        return Removal(found.image[..., :height, :width], found.mask[..., :height, :width], aux)

    def _missing(self, side: int) -> int:
        return max(self.smallest, -(-side // self.stride) * self.stride) - side
