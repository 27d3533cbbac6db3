"""How fast the engine searches some images, against the bare forward pass and against one candidate at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn
from torchvision.transforms.functional import to_tensor

from miad.commands.bench.memory import memory_kind, most_memory
from miad.commands.bench.timing import Rates, Work, take_turns
from miad.commands.marking import Mark, check_targets, load_targets, mark_options
from miad.data import ImageDataModule, Item
from miad.errors import InputError
from miad.search import LearnedPlaces, Outcome, Pool, Search, Space, Strategy, image_generator
from miad.targets import Target
from miad.tasks import AttackTask
from miad.tensors import Images, Labels
from miad.watermark import Atlas

_FEW = 64
"""Candidates that are scored one by one; more would not make the median steadier."""


@dataclass(frozen=True)
class EngineSpeed:
    """Candidates a second, medians; ratios are medians of the turns' own."""

    candidates: int
    """Of one search of all images, without dropping any early."""
    forward: float
    """The sources' bare forward pass, at the same batch size."""
    engine: float
    """The search, every candidate told by every source."""
    pruned: float
    """The search, candidates that can not matter dropped early; the same candidates, and the same outcomes."""
    one_by_one: float
    """A candidate at a time: pasted by Pillow, turned into a tensor, scored by every source."""
    engine_of_forward: float
    pruned_of_forward: float
    one_by_one_of_forward: float
    engine_of_one_by_one: float
    pruned_of_one_by_one: float
    filled: float
    """Mean share of the batch that the engine fills, 0..1: candidates / (forward passes * batch size)."""
    memory: float | None
    """Most memory while the engine searched, in MiB."""
    memory_of: str
    """What of: see `memory_kind`."""


@dataclass(frozen=True)
class EngineBench:
    """Images to search on, and how."""

    task: AttackTask
    ids: list[str]
    hosts: Images
    labels: Labels
    spaces: list[Space]
    atlas: Atlas
    batch_size: int

    @classmethod
    def of(cls, task: AttackTask, items: Sequence[Item], batch_size: int) -> "EngineBench":
        """Those of the images that can be searched.

        Raises:
            InputError: the images are not alike, or none of them is read correctly by every source and has room.
        """
        if len({(item.image.shape, item.grey) for item in items}) > 1:
            raise InputError("expected images of one size and kind, found several; give --data.size")
        hosts = torch.stack([item.image for item in items]).to(task.device)
        labels = torch.tensor([item.label for item in items], device=task.device)
        generators = [image_generator(task.seed, item.id) for item in items]
        rooms = task.rooms(items, hosts, labels, [task.strategy.draw_variants(own) for own in generators])
        correct = task.all_correct(hosts, labels)
        scale = task.options.scale
        chosen = [i for i, room in enumerate(rooms) if correct[i] and room.space.feasible and room.scale == scale]
        if not chosen:
            raise InputError("expected images that every source reads correctly and that have room, found none")
        ids, spaces = [items[index].id for index in chosen], [rooms[index].space for index in chosen]
        atlas = task.atlas(hosts.shape[-2:], scale, grey=items[0].grey)
        return cls(task, ids, hosts[chosen], labels[chosen], spaces, atlas, batch_size)

    def searches(self) -> list[Search]:
        """A search an image, from the same random numbers each time."""
        generators = [image_generator(self.task.seed, id_) for id_ in self.ids]
        for generator in generators:
            self.task.strategy.draw_variants(generator)
        return list(map(self.task.strategy.start, self.spaces, generators))

    def run(self, *, prune: bool) -> list[Outcome]:
        """Search all images."""
        pool = Pool(self.task.sources, self.batch_size, prune=prune)
        return pool.run(self.hosts, self.labels, self.searches(), self.atlas)

    @torch.no_grad()
    def forward(self, count: int, ensemble: nn.Module | None = None) -> None:
        """The sources alone, or others in their place, over so many images."""
        network = self.task.sources if ensemble is None else ensemble
        batch = self.hosts.repeat(-(-self.batch_size // len(self.hosts)), 1, 1, 1)[: self.batch_size]
        for start in range(0, count, self.batch_size):
            network(batch[: count - start]).sum().item()  # waits for the device

    @torch.no_grad()
    def one_by_one(self, count: int) -> None:
        """So many candidates as public code scores them."""
        members = self.task.sources.members
        rendering = self.atlas.rendering(0)
        logo, coverage = Image.fromarray(rendering.rgb), rendering.coverage
        for index in range(count):
            host = Image.fromarray(np.ascontiguousarray(self.hosts[index % len(self.hosts)].permute(1, 2, 0).cpu()))
            host.paste(logo, (0, 0), Image.fromarray((coverage.astype(np.int64) * 180 // 255).astype(np.uint8)))
            pixels = 255 * to_tensor(host)[None].to(self.task.device)
            for target in members:
                target(pixels).argmax().item()

    def count(self) -> tuple[int, int]:
        """Candidates of one search of all images, none dropped early, and the forward passes that they take."""
        sizes: list[int] = []
        # Without dropping, every member is called once a batch.
        handle = self.task.sources.members[0].register_forward_hook(lambda _, __, scored: sizes.append(len(scored)))
        try:
            self.run(prune=False)
        finally:
            handle.remove()
        return sum(sizes), len(sizes)


def engine_mark(search: Strategy, **mark: Any) -> Mark:  # noqa: ANN401  (the options of mark_options)
    """How marks look.

    Raises:
        InputError: what is asked for is no matter of the engine: the search learns, or there is a vaccine or a texture.
    """
    if isinstance(search, LearnedPlaces):
        raise InputError("expected a search that learns nothing, found learned; give --search he_sit")
    look = mark_options(**mark)
    if look.protection is not None:
        raise InputError("expected no --vaccine, found one; see 'miad bench delta'")
    if look.options.texture.enabled:
        raise InputError("expected no --texture, found one, which no engine is timed with; leave it out")
    return look


def engine_targets(data: ImageDataModule, sources: str) -> list[Target]:
    """The classifiers to search on; they read the data.

    Raises:
        InputError: one can not be read, or does not.
    """
    targets = load_targets(sources)
    check_targets(data, targets)
    return targets


def measure_engine(
    bench: EngineBench, repeats: int, more: Callable[[], Mapping[str, nn.Module]] = dict
) -> tuple[EngineSpeed, Rates]:
    """Time the engine and what it is compared with, by turns.

    Args:
        bench: what to search.
        repeats: turns.
        more: makes modules that can stand in the sources' place, by name, once the engine's memory is measured; their
            forward passes are timed in the same turns.

    Returns:
        The engine's speed, and the rates of all that was timed: ``forward``, ``engine``, ``pruned``, ``one_by_one`` and
        those of ``more``.
    """
    counts: list[tuple[int, int]] = []

    def first() -> None:
        counts.append(bench.count())
        bench.run(prune=True)

    memory = most_memory(first, bench.task.device)
    ((candidates, passes),) = counts
    filled = candidates / (passes * bench.batch_size)
    rates = take_turns(_works(bench, candidates, more()), repeats, warm=("engine", "pruned"))
    return _speed(rates, candidates, filled, memory, memory_kind(bench.task.device)), rates


def _works(bench: EngineBench, candidates: int, more: Mapping[str, nn.Module]) -> dict[str, Work]:
    few = min(candidates, _FEW)
    return {
        "forward": Work(candidates, lambda: bench.forward(candidates)),
        "engine": Work(candidates, lambda: bench.run(prune=False)),
        "pruned": Work(candidates, lambda: bench.run(prune=True)),
        "one_by_one": Work(few, lambda: bench.one_by_one(few)),
        **{name: Work(candidates, partial(bench.forward, candidates, network)) for name, network in more.items()},
    }


def _speed(rates: Rates, candidates: int, filled: float, memory: float | None, memory_of: str) -> EngineSpeed:
    return EngineSpeed(
        candidates=candidates,
        forward=rates.rate("forward"),
        engine=rates.rate("engine"),
        pruned=rates.rate("pruned"),
        one_by_one=rates.rate("one_by_one"),
        engine_of_forward=rates.ratio("engine", "forward"),
        pruned_of_forward=rates.ratio("pruned", "forward"),
        one_by_one_of_forward=rates.ratio("one_by_one", "forward"),
        engine_of_one_by_one=rates.ratio("engine", "one_by_one"),
        pruned_of_one_by_one=rates.ratio("pruned", "one_by_one"),
        filled=filled,
        memory=memory,
        memory_of=memory_of,
    )
