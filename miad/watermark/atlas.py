"""All variants of a logo for images of one size, each rendered once and stacked in one tensor."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from miad.watermark.logo import Logo
from miad.watermark.rendering import AlphaMode, Rendering, render
from miad.watermark.variant import Variant


@dataclass(frozen=True)
class Atlas:
    """Rendered variants, padded to one box with zero coverage.

    Args:
        rgb: uint8 ``(v, 3, h, w)``.
        coverage: uint8 ``(v, 1, h, w)``; 0 where a variant does not reach.
        sizes: int64 ``(v, 2)``, each variant's own height and width.
    """

    rgb: Tensor
    coverage: Tensor
    sizes: Tensor

    def rendering(self, variant: int) -> Rendering:
        """One variant without its padding."""
        height, width = self.sizes[variant].tolist()
        rgb = self.rgb[variant, :, :height, :width].permute(1, 2, 0)
        return Rendering(rgb.cpu().numpy(), self.coverage[variant, 0, :height, :width].cpu().numpy())

    def to(self, device: torch.device) -> "Atlas":
        """The same atlas on a device."""
        return Atlas(self.rgb.to(device), self.coverage.to(device), self.sizes.to(device))


def make_atlas(
    logo: Logo,
    variants: Sequence[Variant],
    image: tuple[int, int],
    scale: float,
    *,
    grey: bool,
    mode: AlphaMode = "binary",
) -> Atlas:
    """Render every variant for images of one size (height, width).

    Raises:
        InputError: the logo does not fit; see `miad.watermark.fit`.
    """
    return stack([render(logo, variant, image, scale, grey=grey, mode=mode) for variant in variants])


def stack(renderings: Sequence[Rendering]) -> Atlas:
    """Pad renderings to one box."""
    sizes = torch.tensor([rendering.coverage.shape for rendering in renderings])
    height, width = sizes.amax(0).tolist()
    rgb = torch.zeros(len(renderings), 3, height, width, dtype=torch.uint8)
    coverage = torch.zeros(len(renderings), 1, height, width, dtype=torch.uint8)
    for index, rendering in enumerate(renderings):
        h, w = rendering.coverage.shape
        rgb[index, :, :h, :w] = torch.from_numpy(rendering.rgb).permute(2, 0, 1)
        coverage[index, 0, :h, :w] = torch.from_numpy(rendering.coverage)
    return Atlas(rgb, coverage, sizes)
