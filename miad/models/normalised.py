"""Any network of float images, made to read uint8 pixels of any size."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from miad.errors import InputError, check_at_least, check_positive
from miad.imaging import resize
from miad.tensors import Images


class Normalised(nn.Module):
    """A network with its preprocessing before it: resized to a square, then ``(pixels / 255 - mean) / std``.

    Args:
        network: logits ``(n, c)`` of float images ``(n, 3, size, size)``.
        size: side in pixels.
        mean: of each channel, 0..1.
        std: likewise.

    Raises:
        InputError: the size is below 1, there are not three means and deviations, or a deviation is not above 0.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, size: int, mean: Sequence[float], std: Sequence[float]) -> None:
        super().__init__()
        check_at_least(1, size=size)
        for name, values in (("mean", mean), ("std", std)):
            if len(values) != 3:
                raise InputError(f"expected {name} of three channels, found {len(values)}")
        for value in std:
            check_positive(std=value)
        self.network = network
        self.size = size
        # No buffers would move with the network: what the caller moves is his network, and not this.
        self.mean = 255 * torch.tensor(mean).view(1, 3, 1, 1)
        self.std = 255 * torch.tensor(std).view(1, 3, 1, 1)

    def forward(self, images: Images) -> Tensor:
        """Logits ``(n, c)`` of uint8 images ``(n, 3, h, w)``."""
        pixels = resize(images.float(), (self.size, self.size))
        logits: Tensor = self.network((pixels - self.mean.to(pixels.device)) / self.std.to(pixels.device))
        return logits
