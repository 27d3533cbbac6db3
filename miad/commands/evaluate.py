"""``miad evaluate``: the papers' protocols."""

from collections.abc import Sequence
from math import isnan, nan
from pathlib import Path
from statistics import fmean
from typing import Any, Literal, TypeAlias, get_args

from miad.commands.cells import Cells
from miad.commands.finished import say_finished
from miad.commands.lesions import mask_words
from miad.commands.marking import check_sizes, check_targets, load_targets, mark_options
from miad.commands.processes import is_first_process
from miad.commands.run import Run
from miad.commands.show import show_table
from miad.commands.words import read_words
from miad.data import ImageDataModule, Split, choose_images, content_digest
from miad.errors import InputError, check_at_least
from miad.evaluation import (
    SEEN,
    JudgedCell,
    MatrixRow,
    TransferRow,
    draw_leave_one_out,
    draw_matrix,
    matrix_rows,
    transfer_rows,
    wide,
    write_csv,
)
from miad.search import FIRST_SUCCESS, SEARCHES, Stop
from miad.targets import Ensemble, Success, Target, weights_digest
from miad.tracking import log_figures, log_table, publish_measures

Protocol: TypeAlias = Literal["leave_one_out", "matrix", "ensemble"]

_ALL, _ALL_BUT, _MEAN = "all", "all but ", "mean"
"""How tables call groups of classifiers, and the mean over a line."""


def transfer(
    data: ImageDataModule,
    models: str,
    run: Run,
    unseen: str = "",
    protocols: str = "leave_one_out,matrix",
    searches: str = "random,he,he_sit,learned",
    success: Success = "mean",
    stop: Stop = FIRST_SUCCESS,
    split: Split = "test",
    per_class: int | None = None,
    images: int = 32,
    batch_size: int = 64,
    cells: Path | None = None,
    **mark: Any,  # noqa: ANN401  (the options of mark_options)
) -> None:
    """Test marks on classifiers that the search did not see.

    leave_one_out searches on all models but one and tests on that one, for each (MIAD-MARK Figures 2b and 2c); matrix
    searches on each model alone and tests on every other (MedLocker Tables 1 and 2); ensemble searches on all models
    and tests on the unseen ones. Writes RUN/transfer.csv and RUN/matrix.csv with pictures.

    Every search is kept as a cell, a run's folder of its own; finished cells are re-used, also by other tables, and an
    interrupted one goes on. A further model, or a further unseen one, costs only what is new.

    Args:
        data: images and labels.
        models: trained classifiers: folders of 'miad fit classifier' or checkpoints, separated by commas.
        run: where to write, on what to run.
        unseen: classifiers that are only tested on, likewise.
        protocols: any of leave_one_out, matrix, ensemble, separated by commas.
        searches: any of random, grid, he, he_sit, bhe, bhe_random, basin_hopping, de, learned, separated by commas.
        success: when an image counts as misread, as in 'miad attack'.
        stop: when an image's search ends.
        split: which images; test means val where there are no test images.
        per_class: mark only this many images of every class, drawn by the run's seed.
        images: images in flight.
        batch_size: candidates a forward pass.
        cells: folder of the cells; by default 'cells' in the root of all runs.
        mark: how the mark may look, see `mark_options`.
    """
    check_at_least(1, images=images, batch_size=batch_size)
    wanted, chosen = read_words(protocols, get_args(Protocol)), read_words(searches, tuple(SEARCHES))
    sources, tested = load_targets(models), load_targets(unseen)
    everyone = [*sources, *tested]
    _check_enough(sources, tested, wanted)
    _check_names(everyone)
    check_targets(data, everyone)
    groups = _groups(wanted, sources)
    for group in groups.values():
        Ensemble(group, None, success)  # refuses a success that this group can not have
    dataset, look = choose_images(data, split, per_class, run.seed), mark_options(**mark)
    check_sizes(dataset, look.options)
    if "gradcam" in mask_words(look.mask):
        raise InputError(
            "expected --mask gradcam:FOLDER, found gradcam, which would look at a model that some search must not see"
        )
    lesions = look.finder(data, sources, batch_size)
    content = content_digest(dataset)
    digests = {target.name: weights_digest(target) for target in everyone}
    run.describe("evaluate transfer", data, *chosen)
    folder = run.open(images=content, weights=digests)
    say_finished(run, "its tables are made again, and only searches whose cells are gone are done again")
    place = cells or run.root / "cells"
    kept = Cells(place, run, data, dataset, content, digests, look, lesions, success, stop, images, batch_size)
    jobs = [(name, search, group) for name, group in groups.items() for search in chosen]
    # Each cell once: while the first process closes it, the others may not see yet that it is finished.
    for search, group in {(search, frozenset(group)): (search, group) for _, search, group in jobs}.values():
        kept.mark(search, group)
    if is_first_process():
        _publish(run, folder, [kept.judge(*job, everyone) for job in jobs])


def _check_enough(sources: Sequence[Target], unseen: Sequence[Target], protocols: Sequence[str]) -> None:
    if len(sources) < 2:
        raise InputError(f"expected two or more models, found {len(sources)}; name them in --models, with commas")
    if "ensemble" in protocols and not unseen:
        raise InputError("expected --unseen classifiers to test the ensemble of all models on, found none")


def _check_names(targets: Sequence[Target]) -> None:
    for target in targets:
        if target.name in (SEEN, _ALL, _MEAN):
            raise InputError(
                f"expected a classifier by another name than {target.name!r}, a word of the tables; rename it"
            )


def _groups(protocols: Sequence[str], sources: Sequence[Target]) -> dict[str, list[Target]]:
    """What to search on, by the name that tables give it."""
    groups = {
        "leave_one_out": {
            f"{_ALL_BUT}{left_out.name}": [other for other in sources if other is not left_out] for left_out in sources
        },
        "matrix": {source.name: [source] for source in sources},
        "ensemble": {_ALL: list(sources)},
    }
    return {name: group for protocol in protocols for name, group in groups[protocol].items()}


def _publish(run: Run, folder: Path, judged: Sequence[JudgedCell]) -> None:
    rows = [row for cell in judged for row in transfer_rows(cell)]
    matrix = [row for cell in judged for row in matrix_rows(cell)]
    write_csv(folder / "transfer.csv", TransferRow._fields, rows)
    write_csv(folder / "matrix.csv", MatrixRow._fields, matrix)
    tested = [row for row in rows if row.sources == f"{_ALL_BUT}{row.target}"]
    seen = [row for row in rows if row.sources.startswith(_ALL_BUT) and row.target == SEEN]
    order = [SEEN, *judged[0].before]
    log_figures(run.loggers, _draw(folder, tested, matrix, order))
    log_table(run.loggers, "transfer/table", TransferRow._fields, rows)
    log_table(run.loggers, "transfer/matrix_table", MatrixRow._fields, matrix)
    publish_measures(folder, run.loggers, {**_means(tested, seen, matrix), **_measures(rows, matrix)})
    run.close()
    for title, chosen in (("the sources' mean", seen), ("the model left out", tested)):
        if chosen:
            _show_wide(f"{folder}: accuracy of {title}, by the model left out", _with_mean(_accuracies(chosen)))
    _show_matrix(matrix, order)


def _draw(folder: Path, tested: Sequence[TransferRow], matrix: Sequence[MatrixRow], order: Sequence[str]) -> list[Path]:
    figures = []
    if tested:
        figures.append(folder / "leave_one_out.png")
        draw_leave_one_out(figures[-1], tested)
    for search in dict.fromkeys(row.search for row in matrix):
        figures.append(folder / f"matrix_{search}.png")
        draw_matrix(figures[-1], [row for row in matrix if row.search == search], order)
    return figures


def _measures(rows: Sequence[TransferRow], matrix: Sequence[MatrixRow]) -> dict[str, float]:
    after = {f"transfer/accuracy_after/{row.search}/{row.sources}/{row.target}": row.accuracy_after for row in rows}
    return after | {f"transfer/asr/{row.search}/{row.sources}/{row.target}": row.asr for row in matrix}


def _means(tested: Sequence[TransferRow], seen: Sequence[TransferRow], matrix: Sequence[MatrixRow]) -> dict[str, float]:
    """Each search's mean over the models left out, over those searched on, and over the matrix off its diagonal.

    Their names are the same for all tables, so that these compare.
    """
    values = [("left_out/accuracy_before", row.accuracy_before) for row in tested]
    values += [(f"left_out/accuracy_after/{row.search}", row.accuracy_after) for row in tested]
    values += [(f"searched_on/accuracy_after/{row.search}", row.accuracy_after) for row in seen]
    single = [row for row in matrix if row.target != SEEN and not row.sources.startswith(_ALL)]
    values += [(f"matrix/asr/{row.search}", row.asr) for row in single]
    groups: dict[str, list[float]] = {}
    for name, value in values:
        groups.setdefault(f"transfer/{name}", []).extend([] if isnan(value) else [value])
    return {name: fmean(group) if group else nan for name, group in groups.items()}


def _accuracies(rows: Sequence[TransferRow]) -> list[tuple[str, str, float]]:
    """A line for the originals and one for every search; columns are the models left out."""
    original = [("original", row.sources.removeprefix(_ALL_BUT), row.accuracy_before) for row in rows]
    return [*original, *((row.search, row.sources.removeprefix(_ALL_BUT), row.accuracy_after) for row in rows)]


def _show_matrix(matrix: Sequence[MatrixRow], order: Sequence[str]) -> None:
    for search in dict.fromkeys(row.search for row in matrix):
        chosen = [(row.sources, row.target, row.asr) for row in matrix if row.search == search]
        title = f"{search}: share misread, of what fools the sources (rows), by targets (columns)"
        _show_wide(title, chosen, order, digits=2)  # a column a target: three would fold on a narrow terminal


def _with_mean(values: Sequence[tuple[str, str, float]]) -> list[tuple[str, str, float]]:
    own = {line: {column: value for name, column, value in values if name == line} for line, _, _ in values}
    return [*values, *((line, _MEAN, fmean(columns.values())) for line, columns in own.items())]


def _show_wide(
    title: str, values: Sequence[tuple[str, str, float]], order: Sequence[str] = (), digits: int = 3
) -> None:
    lines, columns, table = wide(values, order)
    rows = [
        (line, *("-" if isnan(value) else f"{value:.{digits}f}" for value in row))
        for line, row in zip(lines, table, strict=True)
    ]
    show_table(title, ("", *columns), rows)
