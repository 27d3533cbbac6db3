"""What a command does where its run's folder holds the run already, finished."""

import sys
from pathlib import Path

from miad.commands.processes import is_first_process
from miad.commands.run import Run, release
from miad.errors import RunError

_WAY_OUT = "give another --run.name, or delete the folder to run again"


def is_finished(folder: Path) -> bool:
    """Whether a run's folder holds its closing measures."""
    return (folder / "metrics.csv").exists()


def check_unfinished(folder: Path) -> None:
    """A run's folder does not hold its closing measures yet.

    Raises:
        RunError: it does.
    """
    if is_finished(folder):
        release(folder, worked=False)
        raise RunError(f"{folder} holds this run, finished; {_WAY_OUT}")


def say_finished(run: Run, again: str) -> None:
    """Tell, where a run is finished, what of it is done again all the same.

    Args:
        run: its folder is open.
        again: what is, and what is not.
    """
    if is_finished(run.folder) and is_first_process() and not run.quiet:
        sys.stderr.write(f"{run.folder} holds this run, finished: {again}; {_WAY_OUT}\n")
