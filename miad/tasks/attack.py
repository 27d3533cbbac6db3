"""The attack as a Lightning predict loop: images join a pool of searches, and leave it when theirs has ended."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from math import nan
from typing import TypeAlias

import torch
from lightning import LightningModule
from torch import nn

from miad.data import Item
from miad.lesions import GivenMasks, LesionFinder
from miad.search import (
    FIRST_SUCCESS,
    Batches,
    Flight,
    Host,
    Outcome,
    Pool,
    Score,
    Space,
    Status,
    Stop,
    Strategy,
    image_generator,
)
from miad.targets import Ensemble, Target, views
from miad.tasks.depth import is_deep, marked_view
from miad.tasks.marking import Marking, MarkOptions, Ready, mark
from miad.tasks.protection import Protection
from miad.tasks.proxy import Proxy, squash
from miad.tasks.room import Room, find_rooms
from miad.tensors import Images, Labels, Probabilities
from miad.vaccine import around
from miad.watermark import Atlas, KeyedTexture, Placement, Texture, draw_variants, keyed_texture, make_atlas, textured

OnImage: TypeAlias = Callable[[Placement], Placement]
"""From places of what is searched to the same places of the image itself."""

Found: TypeAlias = tuple[Ready, Outcome]
"""An image and where its mark is to be."""

_ATLASES = 8
"""Image sizes, times scales, whose renderings are kept at a time."""
_CONFIRMED = 2
"""Queries of the shortest search that leaves one to confirm its candidate: more than the image and the candidate."""
_VERDICTS = 32
"""Whole images that are scored at a time; candidates have batches of their own."""


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
        in_flight: most images that are searched at a time.

    Attributes:
        run_secret: what textures are drawn from; `RunSecret` sets it where the options ask for any.
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
        in_flight: int = 32,
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
        self.in_flight = in_flight
        self.run_secret = b""
        self.side = max(target.size for target in sources.members)
        self.pool = Pool(sources, batch_size, stop)
        self.whole = Batches(_VERDICTS)
        self._searched: dict[Flight, tuple[Ready, OnImage]] = {}
        self._variants = draw_variants(strategy.variants, seed)
        self._atlas = lru_cache(_ATLASES)(self._make_atlas)
        self._small_atlas = lru_cache(_ATLASES)(self._make_small_atlas)

    @property
    def intake(self) -> int:
        """Images a batch of the loader: half of those in flight; the others fill the batches of candidates up."""
        return max(1, self.in_flight // 2)

    @property
    def description(self) -> str:
        """What tells marks of this attack from those of others."""
        options, names = self.options, [target.name for target in self.targets]
        look = options.logo.digest, options.scale, options.alpha, options.mode, options.room
        return repr((self.seed, names, *look, self.pool.stop, self.native))

    def predict_step(self, batch: list[Item], batch_index: int) -> list[Marking]:
        """Take up a batch of images; the markings that are done by now, of this batch or an earlier one."""
        return self.take_up(batch, last=batch_index + 1 >= self.trainer.num_predict_batches[0])

    def take_up(self, batch: Sequence[Item], *, last: bool) -> list[Marking]:
        """Let a batch of images join the search; the markings that are done by now, of this batch or an earlier one.

        Goes on while whole batches of candidates can be made, or while there is no room for the next images. What is
        left flies on with them; the last step ends all. Works without a Trainer, too.
        """
        done = [found for ready in self._prepare(batch) if (found := self._take_up(ready)) is not None]
        while len(self.pool) and (last or self.pool.fills_a_batch or len(self.pool) > self.in_flight - self.intake):
            done += map(self._land, self.pool.advance())
        return [mark(ready, outcome) for ready, outcome in self._protect_near(done)]

    def verdict(self, images: Sequence[Images]) -> Probabilities:
        """Every target's probabilities in float32, sources first: ``(n, k, c)``.

        All batches have one size, filled up with black images: on batches of other sizes the last digits differ, and
        what is written must not depend on which images happen to share a batch or a process.

        Args:
            images: uint8 ``(3, h, w)`` each, of any sizes.
        """

        def score(part: slice) -> Probabilities:
            own = views((image[None].to(self.device) for image in images[part]), self.targets)
            seen = {size: _filled(batch, self.whole.size) for size, batch in own.items()}
            return torch.stack([target(seen[target.size]) for target in self.targets], 1)[: len(images[part])]

        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            return torch.cat(self.whole.map(score, len(images)))

    def atlas(self, image: Sequence[int], scale: float, *, grey: bool) -> Atlas:
        """The logo and its variants, rendered for images of this height and width."""
        height, width = image
        return self._atlas((height, width), grey, self.device, scale)

    def _make_atlas(self, image: tuple[int, int], grey: bool, device: torch.device, scale: float) -> Atlas:
        options = self.options
        return make_atlas(options.logo, self._variants, image, scale, grey=grey, mode=options.mode).to(device)

    def texture(self, item: Item) -> KeyedTexture | None:
        """What the logo wears on an image; None where there is to be no texture."""
        options = self.options.texture
        if not options.enabled:
            return None
        if not self.run_secret:
            raise RuntimeError("expected the secret that textures are drawn from; see RunSecret")
        return keyed_texture(options, self.run_secret, item.id, grey=item.grey)

    def draw_texture(self, keyed: KeyedTexture | None, atlas: Atlas) -> Texture | None:
        """The same, drawn for all variants of the logo."""
        height, width = atlas.rgb.shape[-2:]
        return None if keyed is None else keyed.draw(height, width).to(self.device)

    def proxy(self, host: Host, space: Space, scale: float, *, grey: bool) -> Proxy:
        """A square in place of a large image whose logo has this scale."""
        height, width = host.pixels.shape[-2:]
        return Proxy(host, space, self._small_atlas((height, width), grey, self.device, scale), self.side)

    def _make_small_atlas(self, image: tuple[int, int], grey: bool, device: torch.device, scale: float) -> Atlas:
        return squash(self._atlas(image, grey, device, scale), self.side / image[0], self.side / image[1])

    def rooms(
        self, items: Sequence[Item], hosts: Images, labels: Labels, variants: Sequence[tuple[int, ...]]
    ) -> list[Room]:
        """The room of images of one size and kind, in order, for each image's own variants."""
        estimate = self.lesions(hosts, labels, [item.lesion for item in items])
        atlas_at = partial(self.atlas, hosts.shape[-2:], grey=items[0].grey)
        return find_rooms(estimate, variants, atlas_at, self.options.scale, self.options.alpha, self.options.room)

    def _prepare(self, batch: Sequence[Item]) -> Iterator[Ready]:
        """Images about to be searched; those of one size and kind are looked at together."""
        groups: dict[tuple[int, int, bool], list[Item]] = defaultdict(list)
        for item in map(_on_cpu, batch):
            groups[(*item.image.shape[1:], item.grey)].append(item)
        for items in groups.values():
            yield from self._prepare_alike(items)

    def _prepare_alike(self, items: Sequence[Item]) -> Iterator[Ready]:
        hosts = torch.stack([item.image for item in items]).to(self.device)
        labels = torch.tensor([item.label for item in items], device=self.device)
        generators = [image_generator(self.seed, item.id) for item in items]
        rooms = self.rooms(items, hosts, labels, [self.strategy.draw_variants(own) for own in generators])
        correct = self.all_correct(hosts, labels)
        if self.protection is not None and not self.protection.after_search:
            masks = torch.stack([room.mask for room in rooms])
            hosts = self.protection(hosts, [item.id for item in items], self.seed, masks, grey=items[0].grey)
            # What delta alone makes a source misread is no success of the mark.
            correct = [both == (True, True) for both in zip(correct, self.all_correct(hosts, labels), strict=True)]
        for item, pixels, room, read, generator in zip(items, hosts, rooms, correct, generators, strict=True):
            atlas, keyed = self.atlas(pixels.shape[-2:], room.scale, grey=item.grey), self.texture(item)
            # A part of the batch would keep the whole of it in memory for as long as one image flies.
            host = Host(pixels.clone(), item.label, atlas, self.draw_texture(keyed, atlas))
            yield Ready(item, host, room, read, generator, keyed)

    def _take_up(self, ready: Ready) -> Found | None:
        """Let an image join the pool; its outcome where there is nothing to search."""
        space = ready.room.space
        if not space.feasible:
            return ready, Outcome(Status.INFEASIBLE, Placement.empty(), 1, nan)
        if not ready.correct:
            # Already misread: marked like the others, so that no image leaves without a mark, but not searched.
            return ready, Outcome(Status.SKIPPED, space.draw(1, ready.generator), 1, nan)
        if self.is_large(ready.host.pixels):
            proxy = self.proxy(ready.host, space, ready.room.scale, grey=ready.item.grey)
            if proxy.space.feasible:
                self._fly(ready, proxy.host, proxy.space, proxy.on_image)
                return None
        self._fly(ready, ready.host, space, lambda placement: placement)
        return None

    def _fly(self, ready: Ready, host: Host, space: Space, on_image: OnImage) -> None:
        """Search on a host: the image itself, or a square in its place."""
        budget = self.pool.stop.budget
        deep = is_deep(ready.item) and (budget is None or budget > _CONFIRMED)
        exact = host is ready.host and not deep and not torch.is_autocast_enabled(self.device.type)
        confirm = None if exact else partial(self._confirm, ready, on_image)
        flight = self.pool.add(host, self.strategy.start(space, ready.generator), confirm)
        self._searched[flight] = ready, on_image

    def _confirm(self, ready: Ready, on_image: OnImage, placement: Placement) -> Score:
        """What the sources make of the marked image itself, as its file will show it, in float32."""
        host, place = ready.host, on_image(placement)
        if is_deep(ready.item):
            drawn = textured(host.atlas.rendering(int(place.variant)), ready.texture)
            seen = marked_view(ready.item, host.pixels.cpu(), place, drawn).to(host.pixels.device)
            # It has its mark already: at an opacity of 0 another one changes nothing.
            host, place = replace(host, pixels=seen), replace(place, alpha=torch.zeros_like(place.alpha))
        with torch.autocast(self.device.type, enabled=False):
            return self.pool.score([host], place)[0]

    def _land(self, flight: Flight) -> Found:
        ready, on_image = self._searched.pop(flight)
        assert flight.outcome is not None
        return ready, replace(flight.outcome, placement=on_image(flight.outcome.placement))

    def _protect_near(self, found: Sequence[Found]) -> Iterator[Found]:
        """Give images whose marks are found their delta, if it is to be near the marks; the others pass as they are.

        Whether the mark still succeeds is judged on the written pixels, as always; it is not searched again.
        """
        if self.protection is None or not self.protection.after_search:
            yield from found
            return
        groups: dict[tuple[torch.Size, bool], list[Found]] = defaultdict(list)
        for ready, outcome in found:
            if len(outcome.placement):
                groups[ready.host.pixels.shape, ready.item.grey].append((ready, outcome))
            else:
                yield ready, outcome
        for own in groups.values():
            yield from self._protect_alike(self.protection, own)

    def _protect_alike(self, protection: Protection, found: Sequence[Found]) -> Iterator[Found]:
        readies = [ready for ready, _ in found]
        hosts, masks = (
            torch.stack(parts) for parts in zip(*((r.host.pixels, r.room.mask) for r in readies), strict=True)
        )
        near = torch.stack([self._near(protection, ready, outcome) for ready, outcome in found]).to(hosts.device)
        ids = [ready.item.id for ready in readies]
        protected = protection(hosts, ids, self.seed, masks, grey=readies[0].item.grey, near=near)
        for (ready, outcome), pixels in zip(found, protected, strict=True):
            yield replace(ready, host=replace(ready.host, pixels=pixels.clone())), outcome

    def _near(self, protection: Protection, ready: Ready, outcome: Outcome) -> torch.Tensor:
        x, y, _, variant = outcome.placement.rows()[0].tolist()
        height, width = ready.host.pixels.shape[-2:]
        logo = ready.host.atlas.rendering(variant).coverage.shape
        return around((height, width), (x, y), (logo[0], logo[1]), protection.vaccine.options.margin)

    def is_large(self, image: Images) -> bool:
        """Whether images of this size are searched on squares in their place."""
        return self.native and min(image.shape[-2:]) > self.side

    def all_correct(self, hosts: Images, labels: Labels) -> list[bool]:
        """Whether every source reads each image, in float32."""
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            probabilities = torch.cat(self.whole.map(lambda part: self.sources(hosts[part]), len(hosts)))
        correct: list[bool] = self.sources.all_correct(probabilities, labels).tolist()
        return correct


def _on_cpu(item: Item) -> Item:
    """Where it is written and compared, whatever a Trainer or a loader process made of it."""
    lesion = None if item.lesion is None else torch.as_tensor(item.lesion).cpu()
    return item._replace(image=torch.as_tensor(item.image).cpu(), lesion=lesion)


def _filled(images: torch.Tensor, count: int) -> torch.Tensor:
    """So many images, black ones after these."""
    return torch.cat([images, images.new_zeros(count - len(images), *images.shape[1:])])
