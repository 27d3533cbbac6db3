"""``miad bench growth``: how the engine's speed and memory grow with what it is given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from miad.commands.bench.engine_speed import EngineBench, EngineSpeed, engine_mark, engine_targets, measure_engine
from miad.commands.bench.json_file import write_json
from miad.commands.bench.memory import show_memory
from miad.commands.marking import Mark
from miad.commands.run import Run
from miad.commands.show import show_table
from miad.commands.words import read_counts
from miad.data import ImageDataModule, Item, Split, choose_images
from miad.errors import InputError, check_at_least
from miad.imaging import resize, resize_mask
from miad.search import HE_SIT, Strategy
from miad.targets import Ensemble, Target
from miad.tasks import AttackTask

_MASKED = 32
"""Images a forward pass of what finds lesions; it is not timed."""


@dataclass(frozen=True)
class Setting:
    """What the engine is given."""

    images: int
    """That are searched at once."""
    batch_size: int
    """Candidates a forward pass."""
    members: int
    """Sources, the first of those named."""
    size: int
    """Side of the images in pixels; every source resizes them to what it reads."""


@dataclass(frozen=True)
class Growth:
    """The engine's speed in one setting."""

    name: str
    """``base``, or what differs from it."""
    setting: Setting
    speed: EngineSpeed


@dataclass(frozen=True)
class GrowthTable:
    """The base first."""

    rows: list[Growth]


def growth(
    data: ImageDataModule,
    sources: str,
    search: Strategy = HE_SIT,
    images: str = "16,4,64",
    batch_sizes: str = "64,16,256",
    members: str = "",
    sizes: str = "",
    split: Split = "test",
    per_class: int | None = None,
    repeats: int = 3,
    seed: int = 2023,
    json: Path | None = None,
    **mark: Any,  # noqa: ANN401  (the options of mark_options)
) -> None:
    """Measure how the engine's speed and memory grow.

    Does what 'miad bench search' does in a base setting, and in others that differ from it in one thing: the images
    searched at once, the candidates a forward pass, the members of the ensemble, the size of the images. Prints
    candidates a second, their ratios over the bare forward pass and over one by one of the same setting, and the most
    memory. The same images come first in every setting, and every source reads them. Ratios hold for this machine.

    Args:
        data: images and labels.
        sources: classifiers to search on, as an ensemble: folders of 'miad fit classifier' or checkpoints, separated by
            commas.
        search: as of 'miad attack', but one that learns nothing.
        images: images at once, separated by commas; here and below the first is the base's.
        batch_sizes: candidates a forward pass.
        members: how many of the sources; by default all, one, and what lies between.
        sizes: sides of the images in pixels, which are resized; by default their own and twice that.
        split: which images; test means val where there are no test images.
        per_class: only this many images of every class, drawn by the seed.
        repeats: turns in each setting.
        seed: of everything random.
        json: file to write the numbers to as well.
        mark: how the mark may look, see `mark_options`.

    Raises:
        InputError: an option is out of its range, the search learns, there is a vaccine, or there are not as many
            images that can be searched.
    """
    check_at_least(1, repeats=repeats)
    look = engine_mark(search, **mark)
    counts = read_counts("images", images), read_counts("batch_sizes", batch_sizes)
    targets = engine_targets(data, sources)
    some = _members(members, len(targets))
    dataset = choose_images(data, split, per_class, seed)
    items = [dataset[index] for index in range(len(dataset))]
    sides = read_counts("sizes", sizes) if sizes else _sides(items)
    engine = _Engine(data, targets, search, look, seed)
    sized = {side: [_resized(item, side) for item in items] for side in sides}
    chosen = _choose(engine, sized, max(counts[0]), max(some))
    settings = _settings(*counts, some, sides)
    table = GrowthTable([_grown(engine.bench(own, chosen[own.size]), name, own, repeats) for name, own in settings])
    _show(table, repeats)
    write_json(json, table)


def _grown(bench: EngineBench, name: str, setting: Setting, repeats: int) -> Growth:
    return Growth(name, setting, measure_engine(bench, repeats)[0])


def _members(text: str, sources: int) -> list[int]:
    counts = read_counts("members", text) if text else [sources, *range(1, sources)]
    if max(counts) > sources:
        raise InputError(f"expected at most {sources} members, as many as there are sources, found {max(counts)}")
    return counts


def _sides(items: Sequence[Item]) -> list[int]:
    """The images' own, and twice that."""
    shapes = sorted({(item.image.shape[1], item.image.shape[2]) for item in items})
    side = shapes[0][0]
    if shapes != [(side, side)]:
        found = " and ".join(f"{width}x{height}" for height, width in shapes[:2])
        raise InputError(f"expected square images of one size, found {found}; give --sizes or --data.size")
    return [side, 2 * side]


def _resized(item: Item, side: int) -> Item:
    lesion = None if item.lesion is None else resize_mask(item.lesion, (side, side))
    return item._replace(image=resize(item.image[None], (side, side))[0], lesion=lesion)


def _settings(
    images: Sequence[int], batch_sizes: Sequence[int], members: Sequence[int], sizes: Sequence[int]
) -> Iterator[tuple[str, Setting]]:
    """The base, then one thing changed at a time."""
    base = Setting(images[0], batch_sizes[0], members[0], sizes[0])
    yield "base", base
    yield from ((f"images {count}", replace(base, images=count)) for count in images[1:])
    yield from ((f"batches of {size}", replace(base, batch_size=size)) for size in batch_sizes[1:])
    yield from ((f"members {count}", replace(base, members=count)) for count in members[1:])
    yield from ((f"size {size}", replace(base, size=size)) for size in sizes[1:])


@dataclass(frozen=True)
class _Engine:
    """What every setting has a part of."""

    data: ImageDataModule
    targets: Sequence[Target]
    search: Strategy
    look: Mark
    seed: int

    def bench(self, setting: Setting, items: Sequence[Item]) -> EngineBench:
        """The engine in one setting, on the first of these images."""
        return EngineBench.of(self._task(setting.members), items[: setting.images], setting.batch_size)

    def searched(self, items: Sequence[Item], members: int) -> set[str]:
        """The images that so many members, or fewer, can be searched on."""
        return set(EngineBench.of(self._task(members), items, 1).ids)

    def _task(self, members: int) -> AttackTask:
        targets, options = self.targets[:members], self.look.options
        finder = self.look.finder(self.data, self.targets, _MASKED)
        task = AttackTask(Ensemble(targets), [], self.search, options, finder, seed=self.seed)
        return task.to(Run("bench").device)


def _choose(
    engine: _Engine, items: Mapping[int, Sequence[Item]], images: int, members: int
) -> dict[int, Sequence[Item]]:
    """Images that can be searched at every size, the same at each.

    Raises:
        InputError: there are fewer.
    """
    ids = set.intersection(*(engine.searched(own, members) for own in items.values()))
    if len(ids) < images:
        raise InputError(
            f"expected {images} images that {members} sources read correctly and that have room at every size, found "
            f"{len(ids)}; give smaller --images"
        )
    return {side: [item for item in own if item.id in ids] for side, own in items.items()}


def _show(table: GrowthTable, repeats: int) -> None:
    base = table.rows[0]
    setting, header = base.setting, ("", "candidates/s", "of bare", "of one by one", "full", "peak MiB")
    title = f"base: {setting.images} images of {setting.size}x{setting.size}, {setting.members} sources, batches of "
    title += f"{setting.batch_size}; medians of {repeats}; memory of the {base.speed.memory_of}"
    show_table(title, header, [(row.name, *_numbers(row.speed)) for row in table.rows])


def _numbers(speed: EngineSpeed) -> tuple[str, ...]:
    return (
        f"{speed.engine:.1f}",
        f"{speed.engine_of_forward:.2f}",
        f"{speed.engine_of_one_by_one:.2f}",
        f"{speed.filled:.0%}",
        show_memory(speed.memory),
    )
