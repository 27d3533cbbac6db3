"""``miad bench attack``: where an attack's time goes, as ratios within one run."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

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
class _Cost:
    """What one attack took."""

    mask: str
    images: int
    queries: float
    attack: float
    """Seconds, from the first image read to the key written."""
    masks: float
    """Seconds to find the lesions and the corners that keep the logo off them."""


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
        mark: how the mark may look, see `mark_options`.
    """
    check_at_least(1, images=images, batch_size=batch_size)
    targets = load_targets(sources)
    check_targets(data, targets)
    dataset = choose_images(data, split, per_class, seed)
    ensemble = Ensemble(targets)
    ways = list(dict.fromkeys(word.strip() for word in masks.split(",")))
    costs = []
    for mask in (ways[0], *ways):
        look = mark_options(mask=mask, **mark)
        finder = look.finder(data, targets, batch_size)
        task = _Timed(ensemble, [], search, look.options, finder, look.protection, seed, batch_size, in_flight=images)
        costs.append(_cost(mask, data, dataset, task))
    del costs[0]  # the first attack bears what the first of anything costs
    forward = _forward(ensemble, dataset[0], batch_size)
    _show(costs, forward, len(targets))


def _cost(mask: str, data: ImageDataModule, dataset: ImageDataset, task: _Timed) -> _Cost:
    with TemporaryDirectory() as folder:
        run = Run("bench", Path(folder), wandb="off", progress=False)
        run.quiet = True
        start = time.perf_counter()
        measures = mark_images(data, dataset, task, run, pictures=0)
        attack = time.perf_counter() - start
    queries = measures["queries_mean"] * measures["attacked"] + measures["learning_queries"]
    return _Cost(mask, len(dataset), queries, attack, task.seconds)


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


def _show(costs: Sequence[_Cost], forward: float, sources: int) -> None:
    rows = []
    for cost in costs:
        rate = cost.queries / cost.attack
        rows.append(
            (
                without_folders(cost.mask),
                f"{cost.attack:.2f}",
                f"{cost.masks:.3f}",
                f"{cost.masks / cost.attack:.1%}",
                f"{rate:.1f}",
                f"{rate / forward:.2f}",
            )
        )
    header = ("masks", "total s", "mask s", "share", "query/s", "of raw")
    title = f"{costs[0].images} images, {sources} sources, their bare forward pass {forward:.1f} images/s (raw)"
    show_table(title, header, rows)
