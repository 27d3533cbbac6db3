"""Noise from a seed of 32 bytes, the same on every machine and for ever: SHAKE-256, and integers only.

A library's own random numbers may change with its version; a key that holds the seed could then not take the noise off.
"""

import hashlib
from math import prod

import numpy as np
import torch
from numpy.typing import NDArray

SEED_BYTES = 32


def draw_seed(generator: torch.Generator) -> bytes:
    """The seed of one image's noise."""
    return bytes(torch.randint(0, 256, (SEED_BYTES,), generator=generator).tolist())


def expand_seed(seed: bytes, shape: tuple[int, ...], eps: int) -> NDArray[np.int8]:
    """Whole levels from -eps to eps, each as likely as the others to within one part in 250.

    Args:
        seed: as of `draw_seed`.
        shape: of the noise.
        eps: 1..127.
    """
    stream = hashlib.shake_256(seed).digest(2 * prod(shape))
    words = np.frombuffer(stream, dtype="<u2").astype(np.int32)
    return ((words * (2 * eps + 1) >> 16) - eps).astype(np.int8).reshape(shape)
