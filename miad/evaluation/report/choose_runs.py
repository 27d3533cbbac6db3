"""From the folders that were named to the runs that can be compared."""

from collections.abc import Sequence
from pathlib import Path

from miad.errors import InputError, RunError
from miad.evaluation.report.run_folder import RunFolder, read_run


def read_runs(folders: Sequence[Path]) -> tuple[list[RunFolder], list[str]]:
    """The runs, each once, and a line for every folder that is none.

    Raises:
        InputError: a folder is not there, or fewer than two are runs.
    """
    for folder in folders:
        if not folder.exists():
            raise InputError(f"{folder}: no such folder; expected runs to compare, such as runs/a runs/b or runs/*")
    chosen = list({folder.resolve(): folder for folder in folders}.values())
    runs, left_out = [], []
    for folder, name in zip(chosen, _names(chosen), strict=True):
        try:
            runs.append(read_run(folder, name))
        except RunError as error:
            left_out.append(str(error))
    if len(runs) < 2:
        reasons = "".join(f"; {line}" for line in left_out)
        twice = ", named twice" if runs and len(folders) > len(chosen) else ""
        found = f"{len(runs)}{twice}{reasons}"
        raise InputError(f"expected two or more runs to compare, found {found}; give further folders, or runs/*")
    return runs, left_out


def _names(folders: Sequence[Path]) -> list[str]:
    """The folders' names, with as many folders above as tell them apart."""
    parts = [folder.resolve().parts for folder in folders]
    names = ["/".join(own[-1:]) for own in parts]
    for depth in range(2, max(map(len, parts), default=1) + 1):
        names = [
            "/".join(own[-depth:]) if names.count(name) > 1 else name for own, name in zip(parts, names, strict=True)
        ]
    return names
