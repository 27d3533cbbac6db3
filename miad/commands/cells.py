"""Cells of tables: one search on some sources, marked once and judged by any target, now or later."""

import csv
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch

from miad.commands.finished import is_finished
from miad.commands.marking import Mark, examples_of, learns, mark_images
from miad.commands.run import Run
from miad.commands.vaccines import describe_protection
from miad.data import ImageDataModule, ImageDataset, content_digest, marked_names
from miad.evaluation import JudgedCell, write_csv
from miad.imaging import read_image, to_tensor
from miad.lesions import LesionFinder
from miad.search import SEARCHES, Status, Stop, Strategy
from miad.targets import Ensemble, Success, Target, score_images, weights_digest
from miad.tasks import AttackTask
from miad.tensors import Probabilities

_LONGEST = 60
"""Characters of the sources' names in a folder's name."""
_DRAWN = 3
"""Images of a cell whose lesion masks are drawn, whether who asks for the cell shows them or not: others re-use it."""


@dataclass(frozen=True)
class Cells:
    """What all cells of a table share.

    Args:
        folder: where cells are kept, for this table and others.
        run: how to compute.
        data: whose loaders to use.
        dataset: the images.
        content: their `content_digest`.
        digests: of every target's weights, by name.
        look: how the mark may look, and where it may stand.
        lesions: says where the lesions are.
        success: when an image is misread.
        stop: when an image's search ends.
        images: images in flight.
        batch_size: candidates, or images, a forward pass.
    """

    folder: Path
    run: Run
    data: ImageDataModule
    dataset: ImageDataset
    content: str
    digests: Mapping[str, str]
    look: Mark
    lesions: LesionFinder
    success: Success
    stop: Stop
    images: int
    batch_size: int

    @cached_property
    def examples(self) -> str:
        """Digest of the images that searches learn from."""
        return content_digest(examples_of(self.data, self.dataset))

    def place(self, search: str, sources: Sequence[Target], strategy: Strategy | None = None) -> Run:
        """The run of a cell, whether it is there or not.

        Args:
            search: its name.
            sources: what it is on.
            strategy: the search itself, where it is not the one of `SEARCHES`.
        """
        config = self._config(strategy or SEARCHES[search], sources)
        names = "+".join(target.name for target in _in_order(sources))[:_LONGEST]
        return cell_run(self.run, self.folder, f"{search}-{names}", config)

    def mark(self, search: str, sources: Sequence[Target], strategy: Strategy | None = None) -> Path:
        """The folder of a cell; what is finished is taken as it is, what was interrupted goes on."""
        sources = _in_order(sources)
        run = self.place(search, sources, strategy)
        if is_finished(run.folder):
            return run.folder
        task = AttackTask(
            Ensemble(sources, None, self.success),
            [],
            strategy or SEARCHES[search],
            self.look.options,
            self.lesions,
            self.look.protection,
            self.run.seed,
            self.batch_size,
            self.stop,
            in_flight=self.images,
        )
        mark_images(self.data, self.dataset, task, run, pictures=0, content=self.content, drawn=_DRAWN)
        return run.folder

    def judge(
        self,
        name: str,
        search: str,
        sources: Sequence[Target],
        targets: Sequence[Target],
        strategy: Strategy | None = None,
    ) -> JudgedCell:
        """A marked cell with every target's verdicts; those that were given before are read back."""
        cell = self.mark(search, sources, strategy)
        rows = read_rows(cell / "attack.csv")
        originals, verdicts = self.folder / f"originals-{self.content[:8]}", cell / "verdicts"
        files = marked_names(self.dataset)
        marked = [None if row["status"] == Status.INFEASIBLE else cell / "marked" / files[row["image"]] for row in rows]
        measures = {row["measure"]: float(row["value"]) for row in read_rows(cell / "metrics.csv")}
        return JudgedCell(
            name=name,
            search=search,
            sources=tuple(target.name for target in sources),
            weights=(1 / len(sources),) * len(sources),
            labels=torch.tensor(self.dataset.labels),
            status=tuple(Status(row["status"]) for row in rows),
            queries=tuple(int(row["queries"]) for row in rows),
            quality={name: measures[name] for name in ("ssim", "psnr")},
            before={target.name: self._verdicts(originals, target, [None] * len(rows)) for target in targets},
            after={target.name: self._verdicts(verdicts, target, marked) for target in targets},
        )

    def _config(self, strategy: Strategy, sources: Sequence[Target]) -> dict[str, object]:
        """Everything that makes a cell what it is."""
        options = self.look.options
        return {
            "images": self.content,
            "sources": {target.name: self.digests[target.name] for target in _in_order(sources)},
            "success": self.success,
            "search": repr(strategy),
            "stop": repr(self.stop),
            **({"examples": self.examples} if learns(strategy, self.look.protection) else {}),
            "logo": options.logo.digest,
            "mark": [options.scale, *options.alpha, options.mode, repr(options.room)],
            "lesions": [self.look.mask, repr(self.look.lesions), weights_digest(self.lesions)],
            "seed": self.run.seed,
            "precision": self.run.precision,
            **({"texture": repr(options.texture)} if options.texture.enabled else {}),
            **({} if self.look.protection is None else {"vaccine": describe_protection(self.look.protection)}),
        }

    def _verdicts(self, folder: Path, target: Target, files: Sequence[Path | None]) -> Probabilities:
        """Probabilities ``(n, c)`` on these files, or on the originals where there is none."""
        path = folder / f"{target.name}-{self.digests[target.name][:8]}.csv"
        if not path.exists():
            scores = self._score(target, files).tolist()
            rows = ((id_, *map(repr, row)) for id_, row in zip(self.dataset.ids, scores, strict=True))
            write_csv(path, ("image", *target.classes), rows)
        values = [[float(row[name]) for name in target.classes] for row in read_rows(path)]
        return torch.tensor(values, dtype=torch.float32)

    def _score(self, target: Target, files: Sequence[Path | None]) -> Probabilities:
        images = (
            self.dataset[index].image if path is None else to_tensor(read_image(path))
            for index, path in enumerate(files)
        )
        return score_images(target.to(self.run.device), images, self.batch_size)


def cell_run(run: Run, folder: Path, name: str, config: Mapping[str, object]) -> Run:
    """The run that makes a cell: its folder is named after a hash of everything that makes it what it is.

    Args:
        run: how to compute.
        folder: where cells are kept.
        name: what the folder's name begins with.
        config: everything that makes it.
    """
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()
    own = replace(run, name=f"{name}-{digest[:8]}", root=folder)
    own.config, own.quiet = dict(config), True
    return own


def _in_order(sources: Sequence[Target]) -> list[Target]:
    """A cell is one cell in whatever order its sources come."""
    return sorted(sources, key=lambda target: target.name)


def read_rows(path: Path) -> list[Mapping[str, str]]:
    """The rows of a CSV file."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
