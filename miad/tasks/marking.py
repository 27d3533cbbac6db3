"""One image before its search and after it."""

from dataclasses import dataclass, field, replace

import torch

from miad.data import Item, stored_of
from miad.keys import Form, Pattern, Record, make_record
from miad.search import Host, Outcome, Status
from miad.tasks.room import Room, RoomOptions
from miad.tensors import Images, StoredPixels
from miad.watermark import NO_TEXTURE, AlphaMode, KeyedTexture, Logo, Rendering, TextureOptions, blend, check_opacities


@dataclass(frozen=True)
class MarkOptions:
    """How the mark may look.

    Args:
        logo: the logo.
        scale: ``sl`` of MIAD-MARK eq. 5; 2 is half of the largest logo that fits.
        alpha: lowest and highest opacity of 255.
        mode: hard or soft edges.
        room: where it may stand.
        texture: what it wears inside.
    """

    logo: Logo
    scale: float = 2.0
    alpha: tuple[int, int] = (100, 220)
    mode: AlphaMode = "binary"
    room: RoomOptions = field(default_factory=RoomOptions)
    texture: TextureOptions = NO_TEXTURE

    def __post_init__(self) -> None:
        """Refuse opacities that are none.

        Raises:
            InputError: they are out of order or range.
        """
        check_opacities(*self.alpha)


@dataclass(frozen=True, eq=False)
class Ready:
    """One image about to be searched.

    Args:
        item: the image.
        host: the same with its delta, and the logo for it.
        room: where the logo may stand.
        correct: whether every source reads it.
        generator: its own random numbers, of which the variants are drawn already.
        texture: what the host's texture was drawn from; None where it has none.
    """

    item: Item
    host: Host
    room: Room
    correct: bool
    generator: torch.Generator
    texture: KeyedTexture | None = None


@dataclass(frozen=True, eq=False)
class Marking:
    """One image and what the search made of it; all tensors on the CPU.

    Args:
        item: the image.
        outcome: status, placement (empty when infeasible) and queries.
        room: where the logo might stand, and what gave way for it.
        host: uint8 ``(3, h, w)``, the image with its delta, or without one as it is.
        marked: uint8 ``(3, h, w)``; None when infeasible.
        rendering: the logo as it was blended, but for its texture; None when infeasible.
        texture: what its texture was drawn from; None where it has none.
    """

    item: Item
    outcome: Outcome
    room: Room
    host: Images
    marked: Images | None
    rendering: Rendering | None
    texture: KeyedTexture | None = None


def mark(ready: Ready, outcome: Outcome) -> Marking:
    """Put the logo where an outcome says; nowhere when it is infeasible."""
    pixels, atlas, place = ready.host.pixels, ready.host.atlas, outcome.placement
    planes = {name: getattr(ready.room, name).cpu() for name in ("shades", "mask", "blocked")}
    room = replace(ready.room, **planes)
    if not len(place):
        return Marking(ready.item, outcome, room, pixels.cpu(), None, None)
    textures = None if ready.host.texture is None else [ready.host.texture]
    marked = blend(pixels[None], place.to(pixels.device), atlas, textures)[0]
    rendering = atlas.rendering(int(place.variant))
    return Marking(ready.item, outcome, room, pixels.cpu(), marked.cpu(), rendering, ready.texture)


def record_of(
    marking: Marking, file: str, host: StoredPixels, pixels: StoredPixels, digest: str, pattern: Pattern | None = None
) -> Record:
    """What undoing a mark needs.

    Args:
        marking: with a placement.
        file: path of the marked file below ``marked/``.
        host: the image with its delta, see `stored_host`.
        pixels: the marked pixels as they were written.
        digest: of the marking's rendering.
        pattern: what delta was made of, if that is known.
    """
    assert marking.rendering is not None
    item, original = marking.item, stored_of(marking.item)
    x, y, alpha, _ = marking.outcome.placement.rows()[0].tolist()
    return make_record(
        item.id,
        file,
        original.pixels,
        host,
        pixels,
        (x, y, alpha),
        marking.rendering,
        digest,
        form=Form.of(original),
        texture=marking.texture,
        pattern=pattern,
    )


def judged(status: Status, *, misread: bool) -> Status:
    """A searched image has succeeded if, and only if, the written pixels are misread."""
    if status in (Status.SUCCESS, Status.FAILED):
        return Status.SUCCESS if misread else Status.FAILED
    return status
