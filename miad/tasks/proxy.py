"""Search on what the classifiers see of large images, mark the large images themselves.

A photograph of thousands of pixels becomes a small square before a classifier reads it. Candidates are put on that
square; only the one that ends a search is put on the photograph, at the same relative place, and must fool there too.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from miad.imaging import resize
from miad.search import Host, Space
from miad.tensors import to_levels, to_unit
from miad.watermark import Atlas, Placement, Rendering, Texture, stack


class Proxy:
    """A square in place of one image.

    Args:
        host: the image, at least as high and wide as the square.
        space: the placements it admits.
        small: the logo and its variants as they look on the square, as of `squash`.
        side: of the square in pixels.

    Attributes:
        host: the square.
        space: the placements it admits: each stands for one that its image admits.
    """

    def __init__(self, host: Host, space: Space, small: Atlas, side: int) -> None:
        height, width = host.pixels.shape[-2:]
        worn = None if host.texture is None else _shrunken(host.texture, small.rgb.shape[-2:])
        self.host = Host(resize(host.pixels[None], (side, side))[0], host.label, small, worn)
        self._rows = _along(side - small.sizes[:, 0], height - host.atlas.sizes[:, 0])
        self._columns = _along(side - small.sizes[:, 1], width - host.atlas.sizes[:, 1])
        self.space = Space({v: self._seen(v, free) for v, free in space.corners.items()}, space.alpha)

    def _seen(self, variant: int, corners: Tensor) -> Tensor:
        return corners[self._rows[variant]][:, self._columns[variant]]

    def on_image(self, placement: Placement) -> Placement:
        """The same places on the image."""
        places = zip(placement.x.tolist(), placement.y.tolist(), placement.variant.tolist(), strict=True)
        corners = [(int(self._columns[v][x]), int(self._rows[v][y])) for x, y, v in places]
        x, y = torch.tensor(corners, dtype=torch.int64).view(-1, 2).unbind(1)
        return Placement(x, y, placement.alpha.cpu(), placement.variant.cpu())


def _along(small: Tensor, large: Tensor) -> list[Tensor]:
    """For each variant, the corner on the image for each corner on the square, along one axis."""
    return [
        torch.linspace(0, float(last), int(own) + 1, dtype=torch.float64).round().long()
        for own, last in zip(small, large, strict=True)
    ]


def _shrunken(texture: Texture, size: Sequence[int]) -> Texture:
    """A texture as it looks on a box of this size."""
    height, width = size
    shade, fade = (
        resize(plane[None].float(), (height, width))[0].round().to(torch.int16)
        for plane in (texture.shade, texture.fade)
    )
    return Texture(shade, fade, texture.colour)


def squash(atlas: Atlas, down: float, across: float) -> Atlas:
    """Every variant as it looks when its image is resized by these factors."""
    seen = [_squashed(atlas.rendering(variant), down, across) for variant in range(len(atlas.sizes))]
    return stack(seen).to(atlas.rgb.device)


def _squashed(rendering: Rendering, down: float, across: float) -> Rendering:
    height, width = rendering.coverage.shape
    size = (max(1, round(height * down)), max(1, round(width * across)))
    rgba = to_unit(torch.from_numpy(rendering.rgba)).permute(2, 0, 1)[None]
    ink, coverage = rgba[:, :3] * rgba[:, 3:], rgba[:, 3:]
    seen, inked = resize(coverage, size), resize(ink, size)
    levels = to_levels(torch.cat([inked / seen.clamp(min=1 / 255), seen], 1))
    return Rendering.from_rgba(levels[0].permute(1, 2, 0).numpy())
