"""Names for the tensors that travel; shapes and ranges are written here once.

``n`` images, ``k`` targets or kinds of lesions, ``c`` classes, ``h`` rows, ``w`` columns.
"""

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Images: TypeAlias = Tensor
"""uint8 ``(n, 3, h, w)`` in RGB order, 0..255. Grey images carry three equal channels."""

Labels: TypeAlias = Tensor
"""int64 ``(n,)``, indices of classes."""

Probabilities: TypeAlias = Tensor
"""float32 ``(n, c)`` or ``(n, k, c)``, each row sums to 1."""

Pixels: TypeAlias = NDArray[np.uint8]
"""One image as it is seen: uint8 ``(h, w)`` when grey, ``(h, w, 3)`` when RGB; of 8-bit files also as it is stored."""

StoredPixels: TypeAlias = NDArray[np.integer[Any]]
"""One image as its file holds it, of the same shape: uint8, uint16, int8 or int16."""

LesionMask: TypeAlias = NDArray[np.bool_]
"""bool ``(h, w)``, true on the pixels that matter to a doctor."""

KindMasks: TypeAlias = NDArray[np.bool_]
"""bool ``(k, h, w)``, a lesion mask for each kind of lesion; kinds may overlap."""


def to_unit(levels: Tensor) -> Tensor:
    """uint8 0..255 as float32 0..1."""
    return levels.float() / 255


def to_levels(values: Tensor) -> Tensor:
    """Float 0..1 as uint8: clamped first, since what lies outside would wrap around."""
    return (values.float().clamp(0, 1) * 255).round().to(torch.uint8)
