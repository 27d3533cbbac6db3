"""The one way images change size: antialiased bilinear, so that shrinking never aliases."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate


def resize(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize ``(n, c, h, w)`` images to ``size`` (height, width).

    Returns:
        The input itself when it has that size already; else float32 images on the input's scale (float64 for float64),
        or, for uint8 input, uint8 images rounded to the nearest level.
    """
    if tuple(images.shape[-2:]) == size:
        return images
    exact = images if images.dtype == torch.float64 else images.float()
    floats = interpolate(exact, size=size, mode="bilinear", antialias=True)
    return floats.round().clamp(0, 255).to(torch.uint8) if images.dtype == torch.uint8 else floats


def resize_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize bool masks ``(..., h, w)``; a pixel is set if any part of it was, so that no lesion shrinks."""
    planes = mask.reshape(1, -1, *mask.shape[-2:])
    share = interpolate(planes.float(), size=size, mode="area")
    return (share > 0).view(*mask.shape[:-2], *size)


def fit_longer_side(shape: tuple[int, int], length: int) -> tuple[int, int]:
    """The height and width of an image whose longer side is scaled to ``length`` pixels."""
    scale = length / max(shape)
    height, width = (max(1, round(side * scale)) for side in shape)
    return height, width
