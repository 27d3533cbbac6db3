"""The names of a pixel array, sha256 over its shape and its bytes, and of a file."""

import hashlib
from pathlib import Path

import numpy as np

from miad.tensors import StoredPixels


def pixel_digest(pixels: StoredPixels) -> str:
    """sha256 (hex) of dtype, shape and values; two arrays share it only if they are equal bit for bit."""
    header = f"{pixels.dtype.str} {pixels.shape}\n".encode()
    return hashlib.sha256(header + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def file_digest(path: Path) -> str:
    """sha256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
