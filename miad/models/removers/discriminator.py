"""The discriminator of WDNet: does this image belong to this marked one?"""

import torch
from torch import Tensor, nn

_SLOPE = 0.2


class Discriminator(nn.Module):
    """A conditional discriminator of patches (Liu et al., WACV 2021).

    Args:
        base_channels: width; 64 is the published one, of 378,433 parameters.
    """

    def __init__(self, base_channels: int = 64) -> None:
        super().__init__()
        c = base_channels
        self.layers = nn.Sequential(
            *_layer(nn.Conv2d(6, c, 4, stride=2, padding=2)),
            *_layer(nn.Conv2d(c, 2 * c, 3, stride=2, padding=1)),
            *_layer(nn.Conv2d(2 * c, 4 * c, 3, padding=1)),
            nn.Conv2d(4 * c, 1, 3, padding=1),
        )

    def forward(self, marked: Tensor, candidate: Tensor) -> Tensor:
        """Logits ``(n, 1, h', w')`` that the candidate is the original of the marked image; both float 0..1."""
        logits: Tensor = self.layers(torch.cat([marked, candidate], 1))
        return logits


def _layer(convolution: nn.Conv2d) -> list[nn.Module]:
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.LeakyReLU(_SLOPE)]
