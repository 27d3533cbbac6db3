"""The one way images change size: antialiased bilinear, so that shrinking never aliases."""

import torch
from torch import Tensor
from torch.nn.functional import interpolate


def resize(images: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize ``(n, c, h, w)`` images to ``size`` (height, width).

    Returns:
        The input itself when it has that size already; else float32 images on the input's scale, or, for uint8
        input, uint8 images rounded to the nearest level.
    """
    if tuple(images.shape[-2:]) == size:
        return images
    floats = interpolate(images.float(), size=size, mode="bilinear", antialias=True)
    return floats.round().clamp(0, 255).to(torch.uint8) if images.dtype == torch.uint8 else floats


def resize_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize a bool ``(h, w)`` mask; a pixel is set if any part of it was, so that no lesion shrinks."""
    share = interpolate(mask[None, None].float(), size=size, mode="area")[0, 0]
    return share > 0
