"""From an image to the probability of each kind of lesion in every pixel.

An image is brought to the scale that the segmenter was trained at and read in overlapping tiles. Where tiles overlap
their probabilities are averaged, and a tile counts least at its edges, where it sees the least around a pixel.
"""

from collections.abc import Sequence
from itertools import product
from math import ceil

import torch
from torch import Tensor
from torch.nn.functional import pad

from miad.errors import InputError
from miad.imaging import fit_longer_side, resize
from miad.models import Segmenter, evaluating
from miad.tensors import Images

_OVERLAP = 0.25
"""Least share of a tile that its neighbour covers too."""


def segment(segmenter: Segmenter, images: Images, batch_size: int = 8) -> Tensor:
    """Probabilities of every pixel, in evaluation mode whatever mode the segmenter was left in.

    Args:
        segmenter: the network; it computes where it is.
        images: uint8 ``(n, 3, h, w)`` of any size.
        batch_size: tiles a forward pass.

    Returns:
        float32 ``(n, k, h, w)``, 0..1, where the images are.

    Raises:
        InputError: the segmenter answers with numbers that are not finite.
    """
    height, width = images.shape[-2:]
    scaled = fit_longer_side((height, width), segmenter.size)
    pixels = _cover(resize(images.to(segmenter.mean.device), scaled), segmenter.tile)
    with torch.no_grad(), evaluating(segmenter):
        probabilities = _tiled(segmenter, pixels, batch_size)[..., : scaled[0], : scaled[1]]
    if not probabilities.isfinite().all():
        raise InputError(
            f"expected finite probabilities of the segmenter on {segmenter.name}, found values that are not numbers; "
            "its training is broken, take another one or train with a smaller lr"
        )
    return resize(probabilities, (height, width)).clamp(0, 1).to(images.device)


def _cover(pixels: Images, tile: int) -> Images:
    """Repeat the last row and column until a tile fits."""
    rows, columns = (max(0, tile - side) for side in pixels.shape[-2:])
    if not rows and not columns:
        return pixels
    return pad(pixels.float(), (0, columns, 0, rows), mode="replicate").to(pixels.dtype)


def _tiled(segmenter: Segmenter, pixels: Images, batch_size: int) -> Tensor:
    count, _, height, width = pixels.shape
    tile = segmenter.tile
    rows, columns = _starts(height, tile), _starts(width, tile)
    profile = _profile(tile, pixels.device)
    window = profile[:, None] * profile
    total = torch.zeros(count, len(segmenter.kinds), height, width, device=pixels.device)
    places = list(product(range(count), rows, columns))
    for first in range(0, len(places), batch_size):
        batch = places[first : first + batch_size]
        tiles = torch.stack([pixels[n, :, y : y + tile, x : x + tile] for n, y, x in batch])
        for (n, y, x), answer in zip(batch, segmenter(tiles).float().sigmoid(), strict=True):
            total[n, :, y : y + tile, x : x + tile] += window * answer
    return total / (_summed(rows, profile, height)[:, None] * _summed(columns, profile, width))


def _starts(side: int, tile: int) -> list[int]:
    """Where tiles begin along a side, evenly, so that all of it is covered."""
    gaps = ceil((side - tile) / (tile * (1 - _OVERLAP)))
    return [round(index * (side - tile) / gaps) for index in range(gaps + 1)] if gaps else [0]


def _profile(tile: int, device: torch.device) -> Tensor:
    """Weights along a tile's side that fall smoothly from the middle to the edges and stay above zero."""
    return (torch.pi * (torch.arange(tile, device=device) + 0.5) / tile).sin() ** 2


def _summed(starts: Sequence[int], profile: Tensor, side: int) -> Tensor:
    """The weights of all tiles along a side."""
    total = torch.zeros(side, device=profile.device)
    for start in starts:
        total[start : start + len(profile)] += profile
    return total
