"""``miad bench attack``: where an attack's time goes, as ratios within one run."""

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch

from miad.commands.bench.json_file import write_json
from miad.commands.marking import check_targets, load_targets, mark_images, mark_options
from miad.commands.run import Run
from miad.commands.show import show_table
from miad.data import ImageDataModule, ImageDataset, Item, Split, choose_images
from miad.errors import check_at_least
from miad.search import HE_SIT, Strategy
from miad.targets import Ensemble
from miad.tasks import AttackTask, Room
from miad.tracking import without_folders


class _Timed(AttackTask):
    """Adds up the seconds that rooms take."""

    seconds = 0.0

    def rooms(self, *images: Any) -> list[Room]:  # noqa: ANN401  (as of AttackTask)
        start = time.perf_counter()
        found = super().rooms(*images)
        self.seconds += time.perf_counter() - start
        return found


@dataclass(frozen=True)
class AttackCost:
    """What one attack took."""

    mask: str
    """How lesions were found."""
    queries: float
    """Of all images, learning included."""
    seconds: float
    """From the first image read to the key written."""
    mask_seconds: float
    """To find the lesions and the corners that keep the logo off them."""
    mask_share: float
    """Of the attack's time, 0..1."""
    rate: float
    """Queries a second."""
    rate_of_forward: float


@dataclass(frozen=True)
class AttackCosts:
    """Of attacks on the same images."""

    images: int
    sources: int
    forward: float
    """Images a second of the sources' bare forward pass."""
    masks: list[AttackCost]


def attack(
    data: ImageDataModule,
    sources: str,
    masks: str = "given,gradcam",
    search: Strategy = HE_SIT,
    split: Split = "test",
    per_class: int | None = None,
    images: int = 32,
    batch_size: int = 64,
    seed: int = 2023,
    json: Path | None = None,
    **mark: Any,  # noqa: ANN401  (the options of mark_options)
) -> None:
    """Measure where the time of an attack goes.

    Marks the same images once for every way to find their lesions, in a folder that is thrown away, and compares: the
    share of the attack's time that masks take, and the queries a second against the bare forward pass of the same
    sources at the same batch size. Ratios hold for this machine, these images and these sources.

    Args:
        data: images and labels.
        sources: classifiers to search on, separated by commas.
        masks: ways to find lesions, as of 'miad attack --mask', separated by commas.
        search: as of 'miad attack'.
        split: which images; test means val where there are no test images.
        per_class: only this many images of every class.
        images: images in flight.
        batch_size: candidates a forward pass.
        seed: of everything random.
        json: file to write the numbers to as well.
        mark: how the mark may look, see `mark_options`.
    """
    check_at_least(1, images=images, batch_size=batch_size)
    targets = load_targets(sources)
    check_targets(data, targets)
    dataset = choose_images(data, split, per_class, seed)
    ensemble = Ensemble(targets)
    ways = list(dict.fromkeys(word.strip() for word in masks.split(",")))
    times = []
    for mask in (ways[0], *ways):
        look = mark_options(mask=mask, **mark)
        finder = look.finder(data, targets, batch_size)
        task = _Timed(ensemble, [], search, look.options, finder, look.protection, seed, batch_size, in_flight=images)
        times.append(_time(data, dataset, task))
    del times[0]  # the first attack bears what the first of anything costs
    forward = _forward(ensemble, dataset[0], batch_size)
    costs = [_cost(mask, own, forward) for mask, own in zip(ways, times, strict=True)]
    found = AttackCosts(len(dataset), len(targets), forward, costs)
    _show(found)
    write_json(json, found)


class _Time(NamedTuple):
    """Of one attack."""

    queries: float
    attack: float
    masks: float


def _time(data: ImageDataModule, dataset: ImageDataset, task: _Timed) -> _Time:
    with TemporaryDirectory() as folder:
        run = Run("bench", Path(folder), wandb="off", progress=False)
        run.quiet = True
        start = time.perf_counter()
        measures = mark_images(data, dataset, task, run, pictures=0)
        attack = time.perf_counter() - start
    queries = measures["queries_mean"] * measures["attacked"] + measures["learning_queries"]
    return _Time(queries, attack, task.seconds)


def _cost(mask: str, own: _Time, forward: float) -> AttackCost:
    rate = own.queries / own.attack
    name = without_folders(mask)
    return AttackCost(name, own.queries, own.attack, own.masks, own.masks / own.attack, rate, rate / forward)


def _forward(ensemble: Ensemble, item: Item, batch_size: int, rounds: int = 4) -> float:
    """Images a second through the bare sources, in batches of the attack's size."""
    device = Run("bench").device
    ensemble.to(device)  # Lightning hands it back on the CPU
    batch = item.image.to(device).expand(batch_size, -1, -1, -1)
    with torch.no_grad():
        ensemble(batch)  # the first pass allocates
        start = time.perf_counter()
        for _ in range(rounds):
            ensemble(batch).cpu()  # waits for the device
    return rounds * batch_size / (time.perf_counter() - start)


def _show(costs: AttackCosts) -> None:
    rows = [
        (
            cost.mask,
            f"{cost.seconds:.2f}",
            f"{cost.mask_seconds:.3f}",
            f"{cost.mask_share:.1%}",
            f"{cost.rate:.1f}",
            f"{cost.rate_of_forward:.2f}",
        )
        for cost in costs.masks
    ]
    header = ("masks", "total s", "mask s", "share", "query/s", "of raw")
    bare = f"their bare forward pass {costs.forward:.1f} images/s (raw)"
    show_table(f"{costs.images} images, {costs.sources} sources, {bare}", header, rows)
