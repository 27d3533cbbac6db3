"""``miad evaluate removal``: what is left of the marks when others take them off."""

import csv
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import isnan
from pathlib import Path
from statistics import fmean
from typing import Literal, Protocol, TypeAlias, get_args

import torch
from rich.console import Console
from rich.progress import track

from miad.commands.marked_run import MarkedRun, open_marked_run
from miad.commands.marking import check_targets, check_unfinished, examples_of, load_targets
from miad.commands.passphrase import passphrase_of
from miad.commands.run import Run
from miad.commands.show import show_table
from miad.commands.vaccines import DEFAULT_VACCINE, load_removers
from miad.commands.words import read_words, split_words
from miad.data import ImageDataModule, ImageDataset, Split, content_digest, output_names, spread
from miad.errors import InputError, check_at_least
from miad.evaluation import (
    EXACT,
    NOTHING,
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
from miad.evaluation.adversaries import Adversary, adversary
from miad.models import Remover
from miad.search import Status
from miad.targets import weights_digest
from miad.tasks import learn_delta, read_delta, write_delta
from miad.tracking import log_figures, log_table, publish_measures
from miad.vaccine import Family, Vaccine, VaccineName, VaccineOptions
from miad.watermark import NO_TEXTURE, TextureOptions

MadeOn: TypeAlias = Literal["each", "all"]
Orders: TypeAlias = Literal["before", "after"]

_CHOSEN = {"success": {Status.SUCCESS}, "attacked": {Status.SUCCESS, Status.FAILED}, "marked": set(Status)}
_ADVERSARIES = "known_logo,inpaint_telea,inpaint_ns,jpeg,median,blur,resize"
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


def removal(
    data: ImageDataModule,
    attack: Path,
    models: str,
    removers: str,
    run: Run,
    unseen_removers: str = "",
    vaccines: str = "none,noise,delta_d,delta_i",
    made_on: str = "each,all",
    orders: str = "before",
    vaccine: VaccineOptions = DEFAULT_VACCINE,
    families: str = "",
    removed_by: str = _ADVERSARIES,
    spare_lesions: bool = False,
    logo: str | None = None,
    grant: Path | None = None,
    identity: Path | None = None,
    passphrase_file: Path | None = None,
    status: Literal["success", "attacked", "marked"] = "success",
    split: Split = "test",
    limit: int | None = None,
    batch_size: int = 8,
    pictures: int = 3,
    texture: TextureOptions = NO_TEXTURE,
) -> None:
    """Test how well marks, with and without delta, withstand removal.

    Takes the marks of a finished 'miad attack', at the places where it put them, and lets every remover and adversary
    take them off images with each delta and with none. Writes RUN/removal.csv (a row for every delta and adversary:
    distances to the original, and to the original plus delta, inside and outside of the marks; overlap of the masks;
    accuracy of the classifiers; bytes an image in a key), delta_families.csv (what each delta costs and protects),
    removal_images.csv (the same for every image), removal.png and pictures/. 'nothing' is
    the marked image as it is, 'exact' the image with its mark taken off exactly: what remains is delta. An interrupted
    run goes on.

    Args:
        data: images and labels, as they were marked.
        attack: folder of a finished 'miad attack', without delta.
        models: classifiers to read what is left: folders of 'miad fit classifier' or checkpoints, separated by commas.
        removers: removers that delta is made on, and that remove: folders of 'miad fit remover', likewise.
        run: where to write, on what to run.
        unseen_removers: removers that delta is not made on, likewise.
        vaccines: any of none, noise, delta_d, delta_i, separated by commas.
        made_on: delta made on each remover alone, on all at once, or both.
        orders: delta added before the mark, after it, or both.
        vaccine: how delta is made; its kind is not used.
        families: any of free, block, near, universal, separated by commas; by default the vaccine's own. A universal
            delta is learned from training images (from those chosen where there are none).
        removed_by: adversaries that are no networks: known_logo, known_logo_mean, _median, _bilateral, _nlm, _tv or
            _wiener, who also know how strong and fine the marks' texture is, inpaint_telea, inpaint_ns, jpeg:QUALITY,
            median:SIZE, blur:SIGMA, resize:FACTOR, separated by commas.
        spare_lesions: keep delta off the given lesions.
        logo: of the marks; by default the one that the attack's configuration names.
        grant: of the attack's key, where only the people of --key.to can open it.
        identity: your private key for the grant, or, without --grant, that of the attack's key; by default the one
            beside it.
        passphrase_file: file whose first line opens the grant or the identity; by default it is asked for.
        status: which images: whose mark succeeded, was searched for at all, or every marked one.
        split: which images; test means val where there are no test images.
        limit: at most so many, evenly spread.
        batch_size: images at a time.
        pictures: images to draw.
        texture: of marks that have none, put the same ones on with this texture as well; their rows say so.
    """
    check_at_least(1, batch_size=batch_size, **({} if limit is None else {"limit": limit}))
    check_at_least(0, pictures=pictures)
    if run.processes > 1:
        raise InputError(f"expected one process, found {run.processes}; leave out --run.devices and --run.num_nodes")
    known, targets = load_removers(removers), load_targets(models)
    if not targets:
        raise InputError("expected one or more --models to read what is left, found none")
    check_targets(data, targets)
    marks = open_marked_run(attack, logo, identity, grant, passphrase_of(passphrase_file))
    if texture.enabled and marks.texture.enabled:
        raise InputError(f"{attack}: expected marks without texture, found some with; leave out --texture")
    dataset = data.split(split)
    chosen = spread(marks.subjects(dataset, _CHOSEN[status]), limit)
    kinds = _families(families, vaccine)
    study = RemovalStudy(
        cases=_cases(vaccines, made_on, orders, kinds, known, texture),
        removers=_joined(known, load_removers(unseen_removers)),
        adversaries=_adversaries(removed_by),
        targets=targets,
        marker=marks.marker,
        seed=run.seed,
        spare=spare_lesions,
        own=marks.texture,
        added=texture,
    )
    carry_out(study, marks, data, dataset, chosen, run, batch_size, spread(chosen, pictures))


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
    for _ in marks.read(dataset, chosen):  # refuses other images before anything is written
        pass
    examples, universal = examples_of(data, dataset), any(v.needs_universal for v in study.cases.values())
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


def _families(families: str, given: VaccineOptions) -> list[VaccineOptions]:
    """The vaccine in each family."""
    chosen = read_words(families, get_args(Family)) if families else [given.family]
    return [replace(given, family=family) for family in chosen]


def _learn(study: RemovalStudy, examples: ImageDataset, folder: Path, run: Run, batch_size: int) -> None:
    """Give every case with a universal delta its own, learned once and kept in the run's folder."""
    for case, vaccine in study.cases.items():
        if vaccine.needs_universal:
            path = folder / "universal" / f"{case.title.replace(' ', '-')}.png"
            if not path.exists():
                write_delta(path, learn_delta(vaccine, examples, run.seed, run.device, batch_size, study.marker))
            vaccine.universal = torch.from_numpy(read_delta(path))


def _cases(
    vaccines: str,
    made_on: str,
    orders: str,
    families: Sequence[VaccineOptions],
    removers: Mapping[str, Remover],
    texture: TextureOptions,
) -> dict[Case, Vaccine]:
    """Every delta in every order; where there is none to add, neither order nor family makes a difference."""
    words = read_words(vaccines, get_args(VaccineName))
    kinds = [replace(one, kind=kind) for kind in words for one in (families[:1] if kind == "none" else families)]
    groups = _groups(read_words(made_on, get_args(MadeOn)), list(removers))
    textures = ["", texture.words] if texture.enabled else [""]
    cases: dict[Case, Vaccine] = {}
    for kind in kinds:
        for names in groups if kind.optimised else [[]]:
            for order in ["before"] if kind.kind == "none" else read_words(orders, get_args(Orders)):
                # What is marked already needs no mark to be made against.
                options = replace(kind, host="clean") if order == "after" else kind
                made = Vaccine(options, [removers[name] for name in names])
                family = "free" if kind.kind == "none" else kind.family
                cases |= {Case(kind.kind, "+".join(names), order, family, one): made for one in textures}
    return cases


def _groups(made_on: Sequence[str], names: Sequence[str]) -> list[list[str]]:
    each = [[name] for name in names] if "each" in made_on else []
    return [*each, list(names)] if "all" in made_on and (len(names) > 1 or not each) else each


def _adversaries(removed_by: str) -> list[Adversary]:
    """Each once; the marked image as it is comes of itself."""
    chosen = [adversary(word) for word in split_words(removed_by)]
    return [one for name, one in {one.name: one for one in chosen}.items() if name != NOTHING]


def _joined(known: Mapping[str, Remover], unseen: Mapping[str, Remover]) -> dict[str, Remover]:
    for name in unseen:
        if name in known:
            raise InputError(f"expected {name} in --removers or in --unseen_removers, found it in both")
    return {**known, **unseen}


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
            for subject in self.marks.read(self.dataset, batch):
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
