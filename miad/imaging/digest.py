"""The name of a pixel array: sha256 over its shape and its bytes."""

import hashlib

import numpy as np

from miad.tensors import Pixels


def pixel_digest(pixels: Pixels) -> str:
    """sha256 (hex) of dtype, shape and values; two arrays share it only if they are equal bit for bit."""
    header = f"{pixels.dtype.str} {pixels.shape}\n".encode()
    return hashlib.sha256(header + np.ascontiguousarray(pixels).tobytes()).hexdigest()
