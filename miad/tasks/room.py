"""What room each image has for the logo, and what gives way where it has none.

The logo shrinks first, step by step; then the thresholds of estimated lesion masks rise. Masks that are given never
give way: an image that they leave no room on is not marked.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from miad.errors import InputError, check_at_least
from miad.lesions import Estimate, Place, Regions, allowed_corners, cropped_corners
from miad.search import Space
from miad.watermark import Atlas

Kept: TypeAlias = Literal["rectangle", "drawn"]
"""What of the logo is kept off the lesions: its whole rectangle, or the pixels that are drawn."""

_SHRINK, _RAISE = 0.5, 16
"""Steps of the logo's scale and of the thresholds."""

_PIXELS = 2**24
"""Pixels whose corners are computed at once."""


@dataclass(frozen=True)
class RoomOptions:
    """Where the logo may stand.

    Args:
        place: off the lesions, anywhere, or only on them (an ablation).
        kept: what of the logo is kept off them.
        regions: how lesion masks become what is blocked.
        largest_scale: where there is no room, the logo shrinks in steps to this scale (4 is a quarter of the largest
            logo that fits); a value up to the scale itself keeps its size.
        largest_raise: then the thresholds of estimated masks rise in steps by this many of 255.

    Raises:
        InputError: the raise is negative.
    """

    place: Place = "outside"
    kept: Kept = "rectangle"
    regions: Regions = field(default_factory=Regions)
    largest_scale: float = 4.0
    largest_raise: int = 48

    def __post_init__(self) -> None:
        """Refuse what can not rise."""
        check_at_least(0, largest_raise=self.largest_raise)

    def levels(self, scale: float, *, estimated: bool) -> list[tuple[float, int]]:
        """Scales and raises to try, in order; the first is no concession at all."""
        steps = int(max(self.largest_scale - scale, 0) / _SHRINK + 1e-6)
        scales = [scale + step * _SHRINK for step in range(steps + 1)]
        raises = range(_RAISE, self.largest_raise + 1, _RAISE) if estimated else ()
        return [*((size, 0) for size in scales), *((scales[-1], raised) for raised in raises)]


@dataclass(frozen=True)
class Room:
    """The room of one image.

    Args:
        space: the placements it admits; infeasible if there are none.
        scale: of the logo, as given or shrunk.
        raised: by how much the thresholds of estimated masks were raised.
        shades: uint8 ``(h, w)``, the largest of the sources' shades.
        mask: bool ``(h, w)``, the lesion as the sources see it at these thresholds.
        blocked: bool ``(h, w)``, what the logo must not meet.
        trusted: false where a source of the mask misreads the image itself.
    """

    space: Space
    scale: float
    raised: int
    shades: Tensor
    mask: Tensor
    blocked: Tensor
    trusted: bool


def find_rooms(
    estimate: Estimate,
    variants: Sequence[tuple[int, ...]],
    atlas_at: Callable[[float], Atlas],
    levels: Sequence[tuple[float, int]],
    alpha: tuple[int, int],
    options: RoomOptions,
) -> list[Room]:
    """The room of every image, at the first level that leaves it any; at the last where none does.

    At each level an image's own variants are tried, then the plain logo, which may fit where they do not.

    Args:
        estimate: what the sources of lesion masks say.
        variants: each image's own.
        atlas_at: the rendered variants for these images by scale.
        levels: scales and raises, see `RoomOptions.levels`.
        alpha: lowest and highest opacity.
        options: where the logo may stand.

    Returns:
        One room an image, in order.
    """
    rooms: dict[int, Room] = {}
    left = list(range(len(variants)))
    for (scale, raised), plain in product(levels, (False, True)):
        own = [variants[index] for index in left]
        tried = [(0,) for _ in own] if plain else own
        if not left:
            break
        atlas = _atlas(atlas_at, scale, needed=not rooms)
        if atlas is None or (plain and tried == own):
            continue
        found = _rooms(estimate[torch.tensor(left)], tried, atlas, scale, raised, alpha, options)
        rooms.update(zip(left, found, strict=True))
        left = [index for index in left if not rooms[index].space.feasible]
    return [rooms[index] for index in range(len(variants))]


def _atlas(atlas_at: Callable[[float], Atlas], scale: float, *, needed: bool) -> Atlas | None:
    """The atlas of a scale; none where the logo is too small to be drawn, unless that scale was asked for."""
    try:
        return atlas_at(scale)
    except InputError:
        if needed:
            raise
        return None


def _rooms(
    estimate: Estimate,
    variants: Sequence[tuple[int, ...]],
    atlas: Atlas,
    scale: float,
    raised: int,
    alpha: tuple[int, int],
    options: RoomOptions,
) -> list[Room]:
    masks, shades, trusted = estimate.masks(raised), estimate.strongest, estimate.trusted.tolist()
    blocked = options.regions.block(masks)
    return [
        Room(Space(own, alpha), scale, raised, shades[index], masks[index], blocked[index], trusted[index])
        for index, own in enumerate(_corners(blocked, variants, atlas, options))
    ]


def _corners(
    blocked: Tensor, variants: Sequence[tuple[int, ...]], atlas: Atlas, options: RoomOptions
) -> list[dict[int, Tensor]]:
    """For each image, and each of its variants, the corners that are allowed."""
    pairs = torch.tensor([(image, variant) for image, own in enumerate(variants) for variant in own])
    corners: list[dict[int, Tensor]] = [{} for _ in variants]
    for part in torch.split(pairs, max(1, _PIXELS // blocked[0].numel())):
        image, variant = part.to(blocked.device).unbind(1)
        drawn, sizes = _kept_pixels(atlas, variant, options.kept), atlas.sizes[variant]
        allowed = allowed_corners(blocked[image], drawn, sizes, options.place).cpu()
        for (owner, number), free in zip(part.tolist(), cropped_corners(allowed, sizes), strict=True):
            corners[owner][number] = free
    return corners


def _kept_pixels(atlas: Atlas, variant: Tensor, kept: Kept) -> Tensor:
    """The pixels of each logo that are kept off what is blocked, bool ``(n, h', w')``."""
    if kept == "drawn":
        return atlas.coverage[variant, 0] > 0
    height, width = atlas.sizes[variant][:, :, None, None].unbind(1)
    rows, columns = (torch.arange(length, device=atlas.coverage.device) for length in atlas.coverage.shape[-2:])
    return (rows[None, :, None] < height) & (columns[None, None, :] < width)
