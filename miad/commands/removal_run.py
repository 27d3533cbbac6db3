"""Carries a removal study out, batch by batch, and writes its tables."""

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import isnan
from pathlib import Path
from statistics import fmean
from typing import Protocol

import torch
from rich.console import Console
from rich.progress import track

from miad.commands.finished import check_unfinished
from miad.commands.marked_run import MarkedRun
from miad.commands.marking import examples_of
from miad.commands.run import Run
from miad.commands.show import show_table
from miad.data import ImageDataModule, ImageDataset, content_digest, output_names
from miad.evaluation import (
    EXACT,
    Album,
    Attempt,
    Case,
    RemovalStudy,
    Row,
    Subject,
    draw_removal_matrix,
    family_rows,
    removal_matrix,
    write_csv,
)
from miad.targets import weights_digest
from miad.tasks import learn_delta, read_delta, write_delta
from miad.tracking import log_figures, log_table, publish_measures

_SHOWN = {
    "psnr_inside": "dB in",
    "psnr_inside_protected": "dB in +d",
    "rmse": "RMSE",
    "rmse_protected": "RMSE +d",
    "ssim": "SSIM",
    "mask_iou": "IoU",
    "accuracy": "accuracy",
}
"""Measures for the terminal, and their headings: PSNR inside of the marks; +d means to the original plus delta."""
_COSTS = {"delta_bytes": "delta, bytes", "remainder_bytes": "remainder", "record_bytes": "record"}
_LEFT = {"psnr_protected": "dB +d", "psnr_inside_protected": "dB in +d", "accuracy": "accuracy"}
"""What the best of the networks leaves."""


class Keepsake(Protocol):
    """Keeps what adversaries leave of one image."""

    def add(self, attempt: Attempt, index: int, note: str, *, grey: bool) -> None:
        """One more picture, image `index` of an attempt."""

    def draw(self, path: Path) -> None:
        """Write all, under this name."""


def carry_out(
    study: RemovalStudy,
    marks: MarkedRun,
    data: ImageDataModule,
    dataset: ImageDataset,
    chosen: Sequence[int],
    run: Run,
    batch_size: int,
    drawn: Sequence[int],
    album: Callable[[], Keepsake] = Album,
) -> None:
    """Carry a study out, or go on with an interrupted one, and write its tables.

    Args:
        study: what is done.
        marks: whose marks.
        data: where the images are from; a universal delta is learned from its training images.
        dataset: the images that were marked.
        chosen: indices of those that count.
        run: where to write, on what to run.
        batch_size: images at a time.
        drawn: indices of those that pictures are kept of.
        album: what keeps the pictures of one image.

    Raises:
        InputError: an image is not the one that was marked.
        RunError: the folder holds another run, or this one, finished.
    """
    for _ in marks.read(dataset, chosen, hosts=study.needs_hosts):  # refuses other images before anything is written
        pass
    examples, universal = examples_of(data, dataset), any(v and v.needs_universal for v in study.cases.values())
    run.describe("evaluate removal", data, *study.removers)
    folder = run.open(
        **({"examples": content_digest(examples)} if universal else {}),
        images=content_digest(dataset),
        marks=marks.digest,
        removers={name: weights_digest(remover) for name, remover in study.removers.items()},
        weights={target.name: weights_digest(target) for target in study.targets},
    )
    check_unfinished(folder)
    for network in (*study.removers.values(), *study.targets):
        network.to(run.device)
    _learn(study, examples, folder, run, batch_size)
    names = output_names(dataset.ids)
    paths = {dataset.ids[index]: folder / "pictures" / names[dataset.ids[index]] for index in drawn}
    batches = [chosen[start : start + batch_size] for start in range(0, len(chosen), batch_size)]
    work = _Work(study, marks, dataset, folder, paths, run.device, album)
    console = Console(stderr=True)
    steps = track(batches, "Removing", console=console, disable=not run.progress, transient=True)
    rows = [row for number, batch in enumerate(steps) for row in work.rows(number, batch)]
    _publish(run, folder, rows, list(study.removers))
    work.clear()


def _learn(study: RemovalStudy, examples: ImageDataset, folder: Path, run: Run, batch_size: int) -> None:
    """Give every case with a universal delta its own, learned once and kept in the run's folder."""
    for case, vaccine in study.cases.items():
        if vaccine is not None and vaccine.needs_universal:
            path = folder / "universal" / f"{case.title.replace(' ', '-')}.png"
            if not path.exists():
                write_delta(path, learn_delta(vaccine, examples, run.seed, run.device, batch_size, study.marker))
            vaccine.universal = torch.from_numpy(read_delta(path))


@dataclass(frozen=True)
class _Work:
    """Carries out a study batch by batch; what is done is kept, so that an interrupted run goes on."""

    study: RemovalStudy
    marks: MarkedRun
    dataset: ImageDataset
    folder: Path
    drawn: Mapping[str, Path]
    """Where to draw images, by their ids."""
    device: torch.device
    album: Callable[[], Keepsake]

    def rows(self, number: int, batch: Sequence[int]) -> list[Row]:
        """The rows of some images, from its file if they were made before."""
        part = self.folder / "parts" / f"{number:06}.csv"
        if not part.exists():
            groups: dict[tuple[object, ...], list[Subject]] = defaultdict(list)
            for subject in self.marks.read(self.dataset, batch, hosts=self.study.needs_hosts):
                groups[subject.item.image.shape, subject.item.grey].append(subject)
            rows = [row for group in groups.values() for row in self._carry_out(group)]
            write_csv(part, list(rows[0]), (list(row.values()) for row in rows))
        with part.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def clear(self) -> None:
        """Delete what was kept."""
        for part in (self.folder / "parts").glob("*.csv"):
            part.unlink()
        (self.folder / "parts").rmdir()

    def _carry_out(self, subjects: Sequence[Subject]) -> list[Row]:
        rows: list[Row] = []
        albums = {index: self.album() for index, subject in enumerate(subjects) if subject.item.id in self.drawn}
        for attempt in self.study.clean(subjects, self.device):
            judged = self.study.judge(attempt, subjects)
            rows += judged
            for index, album in albums.items():
                album.add(attempt, index, f"{judged[index]['psnr_protected']:.1f} dB", grey=subjects[index].item.grey)
        for index, album in albums.items():
            album.draw(self.drawn[subjects[index].item.id])
        return rows


def _publish(run: Run, folder: Path, rows: Sequence[Row], networks: Sequence[str]) -> None:
    matrix = removal_matrix(rows)
    families = family_rows(matrix, EXACT)
    tables = {"removal_images.csv": rows, "removal.csv": matrix, "delta_families.csv": families}
    for name, table in tables.items():
        if table:  # a delta over the mark is of no family: no mark can be taken off exactly
            write_csv(folder / name, list(table[0]), (list(row.values()) for row in table))
    draw_removal_matrix(folder / "removal.png", matrix)
    log_figures(run.loggers, [folder / "removal.png"])  # the pictures show originals, which never leave the folder
    log_table(run.loggers, "removal/table", list(matrix[0]), (list(row.values()) for row in matrix))
    publish_measures(folder, run.loggers, {**_means(matrix, networks), **_measures(matrix)})
    run.close()
    if not run.quiet:
        _show(matrix, families)


def _show(matrix: Sequence[Row], families: Sequence[Row]) -> None:
    if families:
        _show_costs(families)
    for title, own in groupby(matrix, key=lambda row: Case.of(row).title):
        lines = [(str(row["removed_by"]), *(_number(row[name]) for name in _SHOWN)) for row in own]
        show_table(title, ("removed by", *_SHOWN.values()), lines)


def _show_costs(families: Sequence[Row]) -> None:
    """Bytes an image in a key, and the worst that any network leaves: the image with delta as it was, and read."""
    lines = []
    for title, group in groupby(families, key=lambda row: Case.of(row).title):
        own = list(group)
        first, networks = own[0], [row for row in own if not isnan(float(row["mask_iou"]))]
        worst = [_best(networks, name) for name in _LEFT]
        lines.append((title, *(f"{float(first[name]):.0f}" for name in _COSTS), *map(_number, _shares(first)), *worst))
    show_table("delta_families", ("delta", *_COSTS.values(), "of PNG", "dB delta", *_LEFT.values()), lines)


def _shares(row: Row) -> tuple[str | float, str | float]:
    return row["png_share"], row["psnr_delta"]


def _best(networks: Sequence[Row], measure: str) -> str:
    """What the network that removes best leaves."""
    return _number(max(float(row[measure]) for row in networks)) if networks else "-"


def _measures(matrix: Sequence[Row]) -> dict[str, float]:
    return {
        f"removal/{name}/{Case.of(row).title}/{row['removed_by']}": float(row[name])
        for row in matrix
        for name in _SHOWN
    }


def _means(matrix: Sequence[Row], networks: Sequence[str]) -> dict[str, float]:
    """What networks leave, by vaccine: means whose names are the same for all tables, so that these compare."""
    groups: dict[str, list[float]] = {}
    for row in matrix:
        if row["removed_by"] in networks:
            for name in _SHOWN:
                groups.setdefault(f"removal/networks/{name}/{row['vaccine']}", []).append(float(row[name]))
    return {name: fmean(group) for name, group in groups.items()}


def _number(value: str | float) -> str:
    return "-" if isnan(float(value)) else f"{float(value):.2f}"
