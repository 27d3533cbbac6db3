"""Between stored pixels and the tensors that models read."""

import numpy as np
import torch

from miad.tensors import Images, Pixels, StoredPixels


def is_grey(pixels: StoredPixels) -> bool:
    """Whether the file stores one channel."""
    return pixels.ndim == 2


def to_tensor(pixels: Pixels) -> Images:
    """Stored pixels ``(h, w)`` or ``(h, w, 3)`` as uint8 ``(3, h, w)``; grey becomes three equal channels."""
    rgb = np.stack([pixels] * 3) if is_grey(pixels) else np.ascontiguousarray(pixels.transpose(2, 0, 1))
    return torch.from_numpy(rgb)


def from_tensor(image: Images, *, grey: bool) -> Pixels:
    """uint8 ``(3, h, w)`` as pixels to store; a grey image keeps its first channel."""
    array = image.cpu().numpy()
    pixels: Pixels = array[0] if grey else np.ascontiguousarray(array.transpose(1, 2, 0))
    return pixels
