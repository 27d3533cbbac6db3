"""Before an attack that learns begins: learn where marks work, once, and keep it with the run."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from miad.data import ImageDataset, Item
from miad.errors import InputError
from miad.imaging import atomic_path
from miad.search import Answers, LearnedPlaces, Lesson, Ranking, Space, image_generator, learn
from miad.tasks.attack import AttackTask
from miad.tasks.proxy import Proxy
from miad.tensors import Images, Labels

_COLUMNS = ("rank", "x", "y", "alpha", "variant", "scored", "fooled")
_TRIES = 4
"""Images to look at for each that learning wants, before it makes do with fewer."""


class PlaceLearner(Callback):
    """Gives an attack its learned places; the first process learns them, or takes them from the run it takes up.

    Args:
        path: CSV file for all places that were tried.
        dataset: images to learn from.
    """

    def __init__(self, path: Path, dataset: ImageDataset) -> None:
        self.path = path
        self.dataset = dataset

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Learn, write, read."""
        assert isinstance(pl_module, AttackTask)
        if not isinstance(pl_module.strategy, LearnedPlaces):
            return
        if trainer.is_global_zero and not self.path.exists():
            write_lesson(self.path, learn_places(pl_module, pl_module.strategy, self.dataset))
        trainer.strategy.barrier()
        pl_module.strategy = pl_module.strategy.ranked(read_ranking(self.path))


def learn_places(task: AttackTask, settings: LearnedPlaces, dataset: ImageDataset) -> Lesson:
    """Learn on random images of a data set which its sources read correctly.

    Args:
        task: the attack.
        settings: how much to learn.
        dataset: images to learn from, those of the most common size and kind.

    Raises:
        InputError: there is none that the sources read correctly and that has room for a mark.
    """
    generator = image_generator(task.seed, "\nplaces")
    items = list(_alike(dataset, sum(settings.rounds) * _TRIES, generator))
    hosts = torch.stack([item.image for item in items]).to(task.device)
    labels = torch.tensor([item.label for item in items], device=task.device)
    correct = torch.tensor(task.all_correct(hosts, labels)).nonzero()[:, 0][: sum(settings.rounds)]
    own, spaces, scale = _roomy(task, settings, [items[index] for index in correct], hosts[correct], labels[correct])
    if not spaces:
        raise InputError(
            "expected training images that every source reads correctly and that have room for a mark, found none; "
            "give --search he_sit, which learns nothing"
        )
    own = correct[own]
    hosts, labels = hosts[own], labels[own]
    atlas = task.atlas(hosts.shape[-2:], scale, grey=items[0].grey)
    if task.is_large(hosts):
        proxy = Proxy(hosts, spaces, atlas, task.side)
        hosts, spaces, atlas = proxy.hosts, proxy.spaces, proxy.atlas
    script = learn(settings, spaces, generator)
    trials = next(script)
    while True:
        scores = task.pool.score(hosts, labels, trials.image, trials.placement, atlas)
        confidence = torch.tensor([score.confidence for score in scores])
        fooled = torch.tensor([score.ends(task.pool.stop) for score in scores], dtype=torch.bool)
        try:
            trials = script.send(Answers(confidence, fooled))
        except StopIteration as end:
            lesson: Lesson = end.value
            return lesson


def _roomy(
    task: AttackTask, settings: LearnedPlaces, items: Sequence[Item], hosts: Images, labels: Labels
) -> tuple[Tensor, list[Space], float]:
    """Images that have room for a mark, those of the most common scale: indices, spaces, scale."""
    if not items:
        return torch.empty(0, dtype=torch.int64), [], task.options.scale
    variants = [tuple(range(settings.learned_variants + 1))] * len(items)
    rooms = task.rooms(items, hosts, labels, variants)
    ((scale, _),) = Counter(room.scale for room in rooms).most_common(1)
    chosen = [index for index, room in enumerate(rooms) if room.space.feasible and room.scale == scale]
    return torch.tensor(chosen, dtype=torch.int64), [rooms[index].space for index in chosen], scale


def _alike(dataset: ImageDataset, count: int, generator: torch.Generator) -> Iterator[Item]:
    """So many images of one size and kind, that of the first one drawn, in random order."""
    order = torch.randperm(len(dataset), generator=generator).tolist()
    first = dataset[order[0]]
    found = 0
    for index in order:
        if found < count and dataset.shape(index) == first.image.shape[1:]:
            item = dataset[index]
            if item.grey == first.grey:
                found += 1
                yield item


def write_lesson(path: Path, lesson: Lesson) -> None:
    """Write all places that were tried, those that were kept first and by rank.

    Raises:
        RunError: the folder can not be written.
    """
    places = lesson.places
    with atomic_path(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(_COLUMNS)
        for index, (x, y) in enumerate(places.relative.tolist()):
            rank = index + 1 if index < lesson.kept else ""
            numbers = (places.alpha, places.variant, lesson.scored, lesson.fooled)
            table.writerow((rank, repr(x), repr(y), *(int(number[index]) for number in numbers)))


def read_ranking(path: Path) -> Ranking:
    """The places that were kept.

    Raises:
        InputError: the file is no such table.
    """
    with path.open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row.get("rank")]
    try:
        relative = torch.tensor([[float(row["x"]), float(row["y"])] for row in rows], dtype=torch.float64).view(-1, 2)
        alpha, variant = (torch.tensor([int(row[name]) for row in rows], dtype=torch.int64) for name in _COLUMNS[3:5])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: expected learned places, found another table; delete it to learn again") from error
    return Ranking(relative, alpha, variant)


def learning_queries(path: Path) -> int:
    """Candidates that were scored to learn; 0 where nothing was learned."""
    if not path.exists():
        return 0
    with path.open(newline="", encoding="utf-8") as file:
        return sum(int(row["scored"]) for row in csv.DictReader(file))
