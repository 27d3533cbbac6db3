"""``miad report``: a paper's tables and figures, computed and beside the paper's own numbers."""

import sys
from pathlib import Path
from typing import Literal, TypeAlias

from miad.commands.cell_runner import CellRunner, load_networks
from miad.commands.experiment import Experiment
from miad.commands.marking import check_targets
from miad.commands.outcomes import find_all, wanted_cells
from miad.commands.report_document import make_report
from miad.commands.run import Run
from miad.commands.words import split_words
from miad.errors import InputError
from miad.evaluation.protocols import choose_protocols

Accelerator: TypeAlias = Literal["auto", "cpu", "gpu", "mps", "tpu"]


def report(
    experiment: Experiment | None = None,
    only: str = "",
    compute: bool = True,
    root: Path = Path("runs"),
    cells: Path | None = None,
    accelerator: Accelerator = "auto",
    progress: bool = True,
) -> Path:
    """Compute a paper's tables and figures, beside its own numbers.

    Writes ROOT/NAME/report.html, tables/*.csv, tables/*.tex and figures/*. Every piece of work is kept as a cell, also
    for other reports; finished cells are re-used, an interrupted report goes on where it stopped, and a cell that fails
    is missing in the tables, which say why. The pictures show originals: keep the report to yourself, or leave them out
    with --experiment.sizes.pictures 0.

    Args:
        experiment: a file of configs/experiment: data, models, removers, sizes, and which figures and tables.
        only: some figures and tables (fig2,table1), in place of the experiment's.
        compute: compute what is missing; --no_compute reports what there is.
        root: folder of all runs.
        cells: folder of the cells; by default 'cells' in the root.
        accelerator: what to compute on; auto takes the best there is.
        progress: show progress bars.

    Returns:
        The page.

    Raises:
        InputError: a name is wrong, or data or networks are missing.
    """
    if experiment is None:
        raise InputError("expected --experiment FILE, such as configs/experiment/miad_phantom.yaml, found none")
    protocols = choose_protocols(experiment.paper, split_words(only) or experiment.protocols)
    networks = load_networks(experiment)
    check_targets(experiment.data, [*networks.targets.values()])
    runs = [
        Run(experiment.name, root, seed, accelerator, wandb="off", progress=False) for seed in experiment.sizes.seeds
    ]
    runners = [CellRunner(experiment, networks, cells or root / "cells", run, compute) for run in runs]
    outcomes = find_all(runners, wanted_cells(experiment.plan, protocols), progress=progress)
    made = make_report(experiment, protocols, outcomes)
    from miad.evaluation.report import write_report

    page = write_report(made, root / experiment.name)
    missing = [state for outcome in outcomes for state in outcome.states if state.reason]
    if missing:
        count = sum(len(outcome.states) for outcome in outcomes)
        sys.stderr.write(
            f"{len(missing)} of {count} cells are missing; the report says why, the same command goes on\n"
        )
    sys.stdout.write(f"{page}\n")
    return page
