"""``miad bench search``: how fast the engine searches, against the bare forward pass and against one by one."""

import json as json_
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision.transforms.functional import to_tensor

from miad.commands.marking import check_targets, load_targets, mark_options
from miad.commands.run import Run
from miad.commands.show import show_table
from miad.commands.timing import seconds
from miad.data import ImageDataModule, Item, Split, choose_images
from miad.errors import InputError, check_at_least
from miad.imaging import atomic_path
from miad.search import HE_SIT, LearnedPlaces, Outcome, Pool, Search, Space, Strategy, image_generator
from miad.targets import Ensemble
from miad.tasks import AttackTask
from miad.tensors import Images, Labels
from miad.watermark import Atlas


@dataclass(frozen=True)
class SearchSpeed:
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
    pruned_of_one_by_one: float
    memory: float
    """Most memory in MiB: the device's where it has its own, else the process's."""


def search(
    data: ImageDataModule,
    sources: str,
    search: Strategy = HE_SIT,
    split: Split = "test",
    per_class: int | None = None,
    batch_size: int = 64,
    repeats: int = 3,
    seed: int = 2023,
    json: Path | None = None,
    **mark: Any,  # noqa: ANN401  (the options of mark_options)
) -> None:
    """Measure how fast the engine searches.

    Searches all images at once, with and without dropping candidates early, runs the sources' bare forward pass over as
    many images at the same batch size, and scores some candidates one by one as public code does, by turns; prints
    candidates a second and their ratios. Ratios hold for this machine.

    Args:
        data: images and labels.
        sources: classifiers to search on, as an ensemble: folders of 'miad fit classifier' or checkpoints, separated by
            commas.
        search: as of 'miad attack', but one that learns nothing.
        split: which images; test means val where there are no test images.
        per_class: only this many images of every class, drawn by the seed.
        batch_size: candidates a forward pass.
        repeats: turns.
        seed: of everything random.
        json: file to write the numbers to as well.
        mark: how the mark may look, see `mark_options`.

    Raises:
        InputError: the search learns, there is a vaccine, or no image is read correctly by every source.
    """
    check_at_least(1, batch_size=batch_size, repeats=repeats)
    if isinstance(search, LearnedPlaces):
        raise InputError("expected a search that learns nothing, found learned; give --search he_sit")
    targets = load_targets(sources)
    check_targets(data, targets)
    dataset = choose_images(data, split, per_class, seed)
    look = mark_options(**mark)
    if look.protection is not None:
        raise InputError("expected no --vaccine, found one; see 'miad bench delta'")
    task = AttackTask(Ensemble(targets), [], search, look.options, look.finder(data, targets, batch_size), seed=seed)
    task.to(Run("bench").device)
    items = [dataset[index] for index in range(len(dataset))]
    speed = _measure(_Bench.of(task, items, batch_size), repeats)
    if json is not None:
        with atomic_path(json) as draft:
            draft.write_text(json_.dumps(asdict(speed), indent=1) + "\n", encoding="utf-8")
    _show(speed, f"{len(items)} images, {len(targets)} sources, batches of {batch_size}, medians of {repeats}")


@dataclass(frozen=True)
class _Bench:
    """Images to search on, and how."""

    task: AttackTask
    ids: list[str]
    hosts: Images
    labels: Labels
    spaces: list[Space]
    atlas: Atlas
    batch_size: int

    @classmethod
    def of(cls, task: AttackTask, items: Sequence[Item], batch_size: int) -> "_Bench":
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
        generators = [image_generator(self.task.seed, id_) for id_ in self.ids]
        for generator in generators:
            self.task.strategy.draw_variants(generator)
        return list(map(self.task.strategy.start, self.spaces, generators))

    def run(self, *, prune: bool) -> list[Outcome]:
        pool = Pool(self.task.sources, self.batch_size, prune=prune)
        return pool.run(self.hosts, self.labels, self.searches(), self.atlas)

    @torch.no_grad()
    def forward(self, count: int) -> None:
        """The sources alone, over so many images."""
        batch = self.hosts.repeat(-(-self.batch_size // len(self.hosts)), 1, 1, 1)[: self.batch_size]
        for start in range(0, count, self.batch_size):
            self.task.sources(batch[: count - start]).sum().item()  # waits for the device

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


def _measure(bench: _Bench, repeats: int) -> SearchSpeed:
    member = bench.task.sources.members[0]
    scored = member.scored
    bench.run(prune=False)
    computed = member.scored - scored
    bench.run(prune=True)  # both are warm now
    few = min(computed, 64)
    turns = [
        (
            computed / seconds(lambda: bench.forward(computed)),
            computed / seconds(lambda: bench.run(prune=False)),
            computed / seconds(lambda: bench.run(prune=True)),
            few / seconds(lambda: bench.one_by_one(few)),
        )
        for _ in range(repeats)
    ]
    forward, engine, pruned, single = (median(values) for values in zip(*turns, strict=True))
    return SearchSpeed(
        computed,
        forward,
        engine,
        pruned,
        single,
        median(turn[1] / turn[0] for turn in turns),
        median(turn[2] / turn[0] for turn in turns),
        median(turn[2] / turn[3] for turn in turns),
        _memory(),
    )


def _memory() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**20
    import resource  # POSIX only

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)


def _show(speed: SearchSpeed, title: str) -> None:
    forward = speed.forward
    rows = [
        ("bare forward pass", f"{forward:.1f}", "1.00"),
        ("engine", f"{speed.engine:.1f}", f"{speed.engine_of_forward:.2f}"),
        ("engine, dropping early", f"{speed.pruned:.1f}", f"{speed.pruned_of_forward:.2f}"),
        ("one by one", f"{speed.one_by_one:.1f}", f"{speed.one_by_one / forward:.2f}"),
    ]
    title += f"; {speed.candidates} candidates, {speed.memory:.0f} MiB"
    show_table(title, ("", "candidates/s", "of bare"), rows)
