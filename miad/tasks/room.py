"""What room each image has for the logo, and what gives way where it has none.

The logo shrinks first, step by step; then the thresholds of estimated lesion masks rise. Masks that are given never
give way: an image that they leave no room on is not marked.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from miad.errors import InputError, check_at_least, check_positive
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
        largest_scale: where there is no room, the logo shrinks in steps of 0.5 up to this scale (4 is a quarter of the
            largest logo that fits); a value up to the scale itself keeps its size.
        largest_raise: then the thresholds of estimated masks rise in steps by this many of 255.

    Raises:
        InputError: the raise is negative, or the scale not above 0.
    """

    place: Place = "outside"
    kept: Kept = "rectangle"
    regions: Regions = field(default_factory=Regions)
    largest_scale: float = 4.0
    largest_raise: int = 48

    def __post_init__(self) -> None:
        """Refuse what can not give way."""
        check_at_least(0, largest_raise=self.largest_raise)
        check_positive(largest_scale=self.largest_scale)

    def smaller(self, scale: float) -> list[float]:
        """Scales of smaller logos to try, in order."""
        steps = int(max(self.largest_scale - scale, 0) / _SHRINK + 1e-6)
        return [scale + step * _SHRINK for step in range(1, steps + 1)]

    @property
    def raises(self) -> range:
        """By how much to raise thresholds, in order."""
        return range(_RAISE, self.largest_raise + 1, _RAISE)


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
    scale: float,
    alpha: tuple[int, int],
    options: RoomOptions,
) -> list[Room]:
    """The room of every image, with as little giving way as leaves it any; at the last resort where none does.

    Each time an image's own variants are tried, then the plain logo, which may fit where they do not.

    Args:
        estimate: what the sources of lesion masks say.
        variants: each image's own.
        atlas_at: the rendered variants for these images by scale.
        scale: of the logo.
        alpha: lowest and highest opacity.
        options: where the logo may stand.

    Returns:
        One room an image, in order.

    Raises:
        InputError: the logo can not be drawn at the scale.
    """
    rooms: dict[int, Room] = {}
    left = list(range(len(variants)))
    for size, atlas, seen in _levels(estimate, atlas_at, scale, options):
        for own in _choices(variants):
            corners = _corners(seen.blocked[left], [own[index] for index in left], atlas, options)
            rooms |= {
                index: seen.room(index, Space(free, alpha), size) for index, free in zip(left, corners, strict=True)
            }
            left = [index for index in left if not rooms[index].space.feasible]
            if not left:
                return [rooms[index] for index in range(len(variants))]
    return [rooms[index] for index in range(len(variants))]


@dataclass(frozen=True)
class _Seen:
    """What is lesion, and what is blocked, at thresholds raised by so much; all images."""

    raised: int
    shades: Tensor
    masks: Tensor
    blocked: Tensor
    trusted: list[bool]

    def room(self, index: int, space: Space, scale: float) -> Room:
        # Parts of a batch would keep the whole of it in memory.
        shades, mask, blocked = (planes[index].clone() for planes in (self.shades, self.masks, self.blocked))
        return Room(space, scale, self.raised, shades, mask, blocked, self.trusted[index])


def _look(estimate: Estimate, raised: int, options: RoomOptions) -> _Seen:
    masks = estimate.masks(raised)
    return _Seen(raised, estimate.strongest, masks, options.regions.block(masks), estimate.trusted.tolist())


def _levels(
    estimate: Estimate, atlas_at: Callable[[float], Atlas], scale: float, options: RoomOptions
) -> Iterator[tuple[float, Atlas, _Seen]]:
    """What to try, in order: the logo as asked for, smaller ones, higher thresholds; made only as it is needed."""
    atlas, seen = atlas_at(scale), _look(estimate, 0, options)
    yield scale, atlas, seen
    for smaller in options.smaller(scale):
        try:
            atlas = atlas_at(smaller)
        except InputError:  # too small to be drawn, and so are all that follow
            break
        scale = smaller
        yield scale, atlas, seen
    for raised in options.raises if estimate.can_rise else ():
        yield scale, atlas, _look(estimate, raised, options)


def _choices(variants: Sequence[tuple[int, ...]]) -> list[Sequence[tuple[int, ...]]]:
    """Each image's own variants, and the plain logo for all; once where these are the same."""
    plain = [(0,)] * len(variants)
    return [variants] if list(variants) == plain else [variants, plain]


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
