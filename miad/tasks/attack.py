"""The attack as a Lightning predict loop: search a mark for each image of a batch, then judge what was written."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import NamedTuple

import torch
from lightning import LightningModule
from torch import nn

from miad.data import Item
from miad.imaging import resize
from miad.lesions import GivenMasks, LesionFinder
from miad.search import FIRST_SUCCESS, Batches, Outcome, Pool, Score, Space, Status, Stop, Strategy, image_generator
from miad.targets import Ensemble, Target
from miad.tasks.protection import Protection
from miad.tasks.proxy import Proxy, squash
from miad.tasks.room import Room, RoomOptions, find_rooms
from miad.tensors import Images, Labels, Probabilities
from miad.watermark import AlphaMode, Atlas, Logo, Placement, Rendering, blend, draw_variants, make_atlas

_ATLASES = 8
"""Image sizes, times scales, whose renderings are kept at a time."""


_VERDICTS = 32
"""Whole images that are scored at a time; candidates have batches of their own."""


@dataclass(frozen=True)
class Marking:
    """One image and what the search made of it.

    Args:
        item: the image.
        outcome: status, placement (empty when infeasible) and queries.
        room: where the logo might stand, and what gave way for it.
        host: uint8 ``(3, h, w)``, the image with its delta, or without one as it is.
        marked: uint8 ``(3, h, w)``; None when infeasible.
        rendering: the logo as it was blended; None when infeasible.
    """

    item: Item
    outcome: Outcome
    room: Room
    host: Images
    marked: Images | None
    rendering: Rendering | None


@dataclass(frozen=True)
class MarkOptions:
    """How the mark may look.

    Args:
        logo: the logo.
        scale: ``sl`` of MIAD-MARK eq. 5; 2 is half of the largest logo that fits.
        alpha: lowest and highest opacity of 255.
        mode: hard or soft edges.
        room: where it may stand.
    """

    logo: Logo
    scale: float = 2.0
    alpha: tuple[int, int] = (100, 220)
    mode: AlphaMode = "binary"
    room: RoomOptions = field(default_factory=RoomOptions)


class _Ready(NamedTuple):
    """One image about to be searched."""

    item: Item
    room: Room
    correct: bool
    """Whether every source reads it."""
    generator: torch.Generator
    """Its own random numbers, of which the variants are drawn already."""


class AttackTask(LightningModule):
    """Searches marks on which the sources fail.

    Args:
        sources: what the search may query.
        unseen: targets that are only tested on.
        strategy: how to search.
        options: how the mark may look, and where it may stand.
        lesions: says where the lesions are; by default as the data set gives them.
        protection: gives images their delta before they are marked; by default there is none.
        seed: seed of the run; with an image's id it fixes everything random about that image.
        batch_size: candidates a forward pass.
        stop: when an image's search ends.
        native: search images that are larger than the sources read on squares of the size that they do read.
    """

    def __init__(
        self,
        sources: Ensemble,
        unseen: Sequence[Target],
        strategy: Strategy,
        options: MarkOptions,
        lesions: LesionFinder | None = None,
        protection: Protection | None = None,
        seed: int = 2023,
        batch_size: int = 64,
        stop: Stop = FIRST_SUCCESS,
        native: bool = False,
    ) -> None:
        super().__init__()
        self.sources = sources
        self.unseen = nn.ModuleList(unseen)
        self.targets = [*sources.members, *unseen]
        self.strategy = strategy
        self.options = options
        self.lesions = LesionFinder([GivenMasks()]) if lesions is None else lesions
        self.protection = protection
        self.seed = seed
        self.native = native
        self.side = max(target.size for target in sources.members)
        self.pool = Pool(sources, batch_size, stop)
        self.whole = Batches(_VERDICTS)
        self._variants = draw_variants(strategy.variants, seed)
        self._atlas = lru_cache(_ATLASES)(self._make_atlas)
        self._small_atlas = lru_cache(_ATLASES)(self._make_small_atlas)

    def predict_step(self, batch: list[Item], batch_index: int) -> list[Marking]:
        """Mark every image of a batch; images of one size and kind are searched together."""
        groups: dict[tuple[int, int, bool], list[int]] = defaultdict(list)
        for index, item in enumerate(batch):
            groups[(*item.image.shape[1:], item.grey)].append(index)
        markings: dict[int, Marking] = {}
        for indices in groups.values():
            markings.update(zip(indices, self._mark([batch[index] for index in indices]), strict=True))
        return [markings[index] for index in range(len(batch))]

    def verdict(self, images: Images) -> Probabilities:
        """Every target's probabilities in float32, sources first: ``(n, k, c)``.

        All batches have one size, filled up with black images: on batches of other sizes the last digits differ, and
        what is written must not depend on which images happen to share a batch or a process.
        """
        targets = self.targets

        def score(part: slice) -> Probabilities:
            own = images[part].to(self.device)
            seen = {
                size: _filled(resize(own.float(), (size, size)), self.whole.size)
                for size in {target.size for target in targets}
            }
            return torch.stack([target(seen[target.size]) for target in targets], 1)[: len(own)]

        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            return torch.cat(self.whole.map(score, len(images)))

    def atlas(self, image: Sequence[int], scale: float, *, grey: bool) -> Atlas:
        """The logo and its variants, rendered for images of this height and width."""
        height, width = image
        return self._atlas((height, width), grey, self.device, scale)

    def _make_atlas(self, image: tuple[int, int], grey: bool, device: torch.device, scale: float) -> Atlas:
        options = self.options
        return make_atlas(options.logo, self._variants, image, scale, grey=grey, mode=options.mode).to(device)

    def proxy(self, images: Images, spaces: Sequence[Space], scale: float, *, grey: bool) -> Proxy:
        """Squares in place of large images of one size and kind, whose logos have this scale."""
        height, width = images.shape[-2:]
        small = self._small_atlas((height, width), grey, self.device, scale)
        return Proxy(images, spaces, self.atlas((height, width), scale, grey=grey), small, self.side)

    def _make_small_atlas(self, image: tuple[int, int], grey: bool, device: torch.device, scale: float) -> Atlas:
        return squash(self._atlas(image, grey, device, scale), self.side / image[0], self.side / image[1])

    def rooms(
        self, items: Sequence[Item], hosts: Images, labels: Labels, variants: Sequence[tuple[int, ...]]
    ) -> list[Room]:
        """The room of images of one size and kind, in order, for each image's own variants."""
        estimate = self.lesions(hosts, labels, [item.lesion for item in items])
        atlas_at = partial(self.atlas, hosts.shape[-2:], grey=items[0].grey)
        return find_rooms(estimate, variants, atlas_at, self.options.scale, self.options.alpha, self.options.room)

    def _mark(self, items: Sequence[Item]) -> list[Marking]:
        """Mark images of one size and kind; those whose logos have one scale are searched together."""
        hosts = torch.stack([item.image for item in items]).to(self.device)
        labels = torch.tensor([item.label for item in items], device=self.device)
        generators = [image_generator(self.seed, item.id) for item in items]
        rooms = self.rooms(items, hosts, labels, [self.strategy.draw_variants(own) for own in generators])
        correct = self.all_correct(hosts, labels)
        if self.protection is not None:
            masks = torch.stack([room.mask for room in rooms])
            hosts = self.protection(hosts, [item.id for item in items], self.seed, masks, grey=items[0].grey)
            # What delta alone makes a source misread is no success of the mark.
            correct = [both == (True, True) for both in zip(correct, self.all_correct(hosts, labels), strict=True)]
        markings: dict[int, Marking] = {}
        for scale in dict.fromkeys(room.scale for room in rooms):
            chosen = [index for index, room in enumerate(rooms) if room.scale == scale]
            atlas = self.atlas(hosts.shape[-2:], scale, grey=items[0].grey)
            part = [_Ready(items[index], rooms[index], correct[index], generators[index]) for index in chosen]
            markings.update(zip(chosen, self._mark_alike(part, hosts[chosen], labels[chosen], atlas), strict=True))
        return [markings[index] for index in range(len(items))]

    def _mark_alike(self, images: Sequence[_Ready], hosts: Images, labels: Labels, atlas: Atlas) -> list[Marking]:
        """Mark images of one atlas."""
        outcomes, kept = self._outcomes(images, hosts, labels, atlas), hosts.cpu()
        placed = [index for index, outcome in enumerate(outcomes) if len(outcome.placement)]
        marked = dict(zip(placed, self._blend(hosts, outcomes, placed, atlas), strict=True))
        return [
            Marking(image.item, outcome, image.room, kept[index], marked.get(index), _rendering(atlas, outcome))
            for index, (image, outcome) in enumerate(zip(images, outcomes, strict=True))
        ]

    def _outcomes(self, images: Sequence[_Ready], hosts: Images, labels: Labels, atlas: Atlas) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        left: list[int] = []
        for index, (_, room, correct, generator) in enumerate(images):
            if not room.space.feasible:
                outcomes[index] = Outcome(Status.INFEASIBLE, Placement.empty(), 1, float("nan"))
            elif not correct:
                # Already misread: marked like the others, so that no image leaves without a mark, but not searched.
                outcomes[index] = Outcome(Status.SKIPPED, room.space.draw(1, generator), 1, float("nan"))
            else:
                left.append(index)
        chosen = torch.tensor(left, dtype=torch.int64, device=self.device)
        search = self._search_small if self.is_large(hosts) else self._search
        found = search([images[index] for index in left], hosts[chosen], labels[chosen], atlas)
        outcomes.update(zip(left, found, strict=True))
        return [outcomes[index] for index in range(len(images))]

    def is_large(self, images: Images) -> bool:
        """Whether these images are searched on squares in their place."""
        return self.native and min(images.shape[-2:]) > self.side

    def _search(self, images: Sequence[_Ready], hosts: Images, labels: Labels, atlas: Atlas) -> list[Outcome]:
        searches = [self.strategy.start(image.room.space, image.generator) for image in images]
        return self.pool.run(hosts, labels, searches, atlas)

    def _search_small(self, images: Sequence[_Ready], hosts: Images, labels: Labels, atlas: Atlas) -> list[Outcome]:
        """Search on squares, where they leave any room; what fools there must fool on the image itself."""
        if not images:
            return []
        room, grey = images[0].room, images[0].item.grey
        proxy = self.proxy(hosts, [image.room.space for image in images], room.scale, grey=grey)
        roomy = [index for index, space in enumerate(proxy.spaces) if space.feasible]
        tight = [index for index, space in enumerate(proxy.spaces) if not space.feasible]

        def confirm(host: int, placement: Placement) -> Score:
            owner = torch.tensor([roomy[host]])
            return self.pool.score(hosts, labels, owner, proxy.on_image(placement), atlas)[0]

        searches = [self.strategy.start(proxy.spaces[index], images[index].generator) for index in roomy]
        found = self.pool.run(proxy.hosts[roomy], labels[roomy], searches, proxy.atlas, confirm)
        placed = [replace(outcome, placement=proxy.on_image(outcome.placement)) for outcome in found]
        whole = self._search([images[index] for index in tight], hosts[tight], labels[tight], atlas)
        outcomes = dict(zip([*roomy, *tight], [*placed, *whole], strict=True))
        return [outcomes[index] for index in range(len(images))]

    def all_correct(self, hosts: Images, labels: Labels) -> list[bool]:
        """Whether every source reads each image, in float32."""
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            probabilities = torch.cat(self.whole.map(lambda part: self.sources(hosts[part]), len(hosts)))
        correct: list[bool] = self.sources.all_correct(probabilities, labels).tolist()
        return correct

    def _blend(self, hosts: Images, outcomes: Sequence[Outcome], placed: list[int], atlas: Atlas) -> Images:
        if not placed:
            return hosts[:0]
        placement = Placement.cat([outcomes[index].placement for index in placed]).to(self.device)
        return blend(hosts[torch.tensor(placed, device=self.device)], placement, atlas)


def _filled(images: torch.Tensor, count: int) -> torch.Tensor:
    """So many images, black ones after these."""
    return torch.cat([images, images.new_zeros(count - len(images), *images.shape[1:])])


def _rendering(atlas: Atlas, outcome: Outcome) -> Rendering | None:
    return atlas.rendering(int(outcome.placement.variant)) if len(outcome.placement) else None
