"""``miad report``: a paper's tables and figures beside the paper's own numbers, or runs side by side."""

import sys
from pathlib import Path
from typing import Literal, TypeAlias

from miad.commands.cell_runner import CellRunner, load_networks
from miad.commands.experiment import Experiment
from miad.commands.marking import check_targets
from miad.commands.outcomes import find_all, wanted_cells
from miad.commands.report_compare import compare_folders
from miad.commands.report_document import make_report
from miad.commands.run import Run
from miad.commands.words import split_words
from miad.errors import InputError
from miad.evaluation.protocols import choose_protocols
from miad.evaluation.report import write_report

Accelerator: TypeAlias = Literal["auto", "cpu", "gpu", "mps", "tpu"]


def report(
    experiment: Experiment | None = None,
    only: str = "",
    compute: bool = True,
    root: Path = Path("runs"),
    cells: Path | None = None,
    accelerator: Accelerator = "auto",
    progress: bool = True,
    compare: list[str] | None = None,
    out: Path = Path("runs/report"),
) -> Path:
    """Lay a paper's tables and figures beside ours, or runs side by side.

    With --experiment, computes what a paper shows, and writes ROOT/NAME/report.html, tables/*.csv, tables/*.tex and
    figures/*. Every piece of work is kept as a cell, also for other reports; finished cells are re-used, an interrupted
    report goes on where it stopped, and a cell that fails is missing in the tables, which say why. The pictures show
    originals: keep the report to yourself, or leave them out with --experiment.sizes.pictures 0. Prints the summary and
    the page's path.

    With --compare, lays out measures of 'miad fit', 'test', 'attack' and 'evaluate', a column a run and the best of
    every row marked, curves, and which of their settings differ, and writes the same files to OUT. Runs that have not
    ended or are damaged are shown as missing, with the reason.

    Args:
        experiment: a file of configs/experiment: data, models, removers, sizes, and which figures and tables.
        only: some figures and tables (fig2,table1), in place of the experiment's.
        compute: compute what is missing; --no_compute reports what there is.
        root: folder of all runs.
        cells: folder of the cells; by default 'cells' in the root.
        accelerator: what to compute on; auto takes the best there is.
        progress: show progress bars.
        compare: folders of runs, separated by spaces or commas: runs/a runs/b, or runs/*.
        out: folder to write the comparison to.

    Returns:
        The page.

    Raises:
        InputError: a name is wrong, or data or networks are missing.
    """
    if (experiment is None) == (compare is None):
        found = "none" if compare is None else "both"
        raise InputError(f"expected --experiment FILE or --compare RUNS, found {found}; give one of them")
    if experiment is None:
        return compare_folders(compare or [], out)
    protocols = choose_protocols(experiment.paper, split_words(only) or experiment.protocols)
    networks = load_networks(experiment)
    check_targets(experiment.data, [*networks.targets.values()])
    runs = [
        Run(experiment.name, root, seed, accelerator, wandb="off", progress=False) for seed in experiment.sizes.seeds
    ]
    runners = [CellRunner(experiment, networks, cells or root / "cells", run, compute) for run in runs]
    outcomes = find_all(runners, wanted_cells(experiment.plan, protocols), progress=progress)
    made = make_report(experiment, protocols, outcomes)
    page = write_report(made, root / experiment.name)
    missing = [state for outcome in outcomes for state in outcome.states if state.reason]
    if missing:
        count = sum(len(outcome.states) for outcome in outcomes)
        sys.stderr.write(
            f"{len(missing)} of {count} cells are missing; the report says why, the same command goes on\n"
        )
    sys.stdout.writelines(f"{line}\n" for line in (*made.summary, page))
    return page
