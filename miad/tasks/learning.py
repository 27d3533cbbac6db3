"""Before an attack that learns begins: learn where marks work, once, and keep it with the run."""

import csv
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from miad.data import ImageDataset, Item
from miad.errors import InputError
from miad.imaging import atomic_path
from miad.search import Answers, Host, LearnedPlaces, Lesson, Ranking, Space, image_generator, learn
from miad.tasks.attack import AttackTask
from miad.tasks.room import Room
from miad.tasks.shares import wait_for_all
from miad.tensors import Images

_COLUMNS = ("rank", "x", "y", "alpha", "variant", "scored", "fooled")
_TRIES = 4
"""Images to look at for each that learning wants, before it makes do with fewer."""
_CHUNK = 8
"""Images that are looked at together; photographs are large."""


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
        wait_for_all(trainer)
        pl_module.strategy = pl_module.strategy.ranked(read_ranking(self.path))


class _Example(NamedTuple):
    """An image to learn from, as the search sees it."""

    host: Host
    space: Space


def learn_places(task: AttackTask, settings: LearnedPlaces, dataset: ImageDataset) -> Lesson:
    """Learn on random images of a data set which its sources read correctly, without delta, in float32.

    Args:
        task: the attack.
        settings: how much to learn.
        dataset: images to learn from, those of one size and kind.

    Raises:
        InputError: there is none that the sources read correctly and that has room for a mark.
    """
    generator = image_generator(task.seed, "\nplaces")
    examples = _examples(task, settings, dataset, generator)
    if not examples:
        raise InputError(
            "expected training images that every source reads correctly and that have room for a mark, found none; "
            "give the search he_sit, which learns nothing"
        )
    script = learn(settings, [example.space for example in examples], generator)
    trials = next(script)
    while True:
        scores = task.pool.score([examples[image].host for image in trials.image.tolist()], trials.placement)
        confidence = torch.tensor([score.confidence for score in scores])
        fooled = torch.tensor([score.ends(task.pool.stop) for score in scores], dtype=torch.bool)
        try:
            trials = script.send(Answers(confidence, fooled))
        except StopIteration as end:
            lesson: Lesson = end.value
            return lesson


def _examples(
    task: AttackTask, settings: LearnedPlaces, dataset: ImageDataset, generator: torch.Generator
) -> list[_Example]:
    """As many as are asked for, or as can be had."""
    wanted = sum(settings.rounds)
    items = images_alike(dataset, wanted * _TRIES, generator)
    found: list[_Example] = []
    while len(found) < wanted and (chunk := list(islice(items, _CHUNK))):
        found += _readable(task, settings, chunk)
    return found[:wanted]


def _readable(task: AttackTask, settings: LearnedPlaces, items: Sequence[Item]) -> list[_Example]:
    """Those that every source reads correctly and that have room for a mark."""
    hosts = torch.stack([item.image for item in items]).to(task.device)
    labels = torch.tensor([item.label for item in items], device=task.device)
    correct = [index for index, right in enumerate(task.all_correct(hosts, labels)) if right]
    if not correct:
        return []
    variants = [tuple(range(settings.learned_variants + 1))] * len(correct)
    rooms = task.rooms([items[index] for index in correct], hosts[correct], labels[correct], variants)
    seen = [_seen(task, items[index], hosts[index], room) for index, room in zip(correct, rooms, strict=True)]
    return [example for example in seen if example.space.feasible]


def _seen(task: AttackTask, item: Item, pixels: Images, room: Room) -> _Example:
    atlas = task.atlas(pixels.shape[-2:], room.scale, grey=item.grey)
    host = Host(pixels, item.label, atlas, task.draw_texture(task.texture(item), atlas))
    if not task.is_large(pixels):
        return _Example(host, room.space)
    proxy = task.proxy(host, room.space, room.scale, grey=item.grey)
    return _Example(proxy.host, proxy.space)


def images_alike(dataset: ImageDataset, count: int, generator: torch.Generator) -> Iterator[Item]:
    """So many images of one size and kind, that of the first one drawn, in random order."""
    order = torch.randperm(len(dataset), generator=generator).tolist()
    first = dataset[order[0]]
    items = (dataset[index] for index in order)
    alike = (item for item in items if item.image.shape == first.image.shape and item.grey == first.grey)
    yield from islice(alike, count)


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
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row.get("rank")]
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
