"""Goes through the cells of an experiment; one that fails does not keep the others from being computed."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.progress import track

from miad.commands.cell_runner import CellRunner
from miad.errors import MiadError
from miad.evaluation.protocols import (
    AttackFound,
    Cell,
    Findings,
    Missing,
    Plan,
    Protocol,
    RecoveryCell,
    RecoveryFound,
    RemovalCell,
    RemovalFound,
)


@dataclass(frozen=True)
class CellState:
    """What became of a cell.

    Args:
        title: of the cell.
        folder: its name.
        seed: of its run.
        seconds: that it took; None where that is not known.
        reused: whether it was finished before.
        reason: why it is missing; empty where it is not.
    """

    title: str
    folder: str
    seed: int
    seconds: float | None
    reused: bool
    reason: str = ""


@dataclass(frozen=True)
class Outcome:
    """All cells with one seed."""

    findings: Findings
    states: Sequence[CellState]


def wanted_cells(plan: Plan, protocols: Sequence[Protocol]) -> list[Cell]:
    """The cells of all protocols that can be had, each once, after those that it is made of."""
    wanted = [cell for protocol in protocols if not lack(plan, protocol) for cell in protocol.cells(plan)]
    return list(dict.fromkeys(part for cell in wanted for part in _parts(cell)))


def lack(plan: Plan, protocol: Protocol) -> str:
    """Why an experiment can not have a protocol; empty where it can."""
    return protocol.lacks(plan) if protocol.lacks else ""


def _parts(cell: Cell) -> list[Cell]:
    return [cell.attack, cell] if isinstance(cell, RemovalCell | RecoveryCell) else [cell]


def find_all(runners: Sequence[CellRunner], cells: Sequence[Cell], *, progress: bool) -> list[Outcome]:
    """Every cell with every seed.

    Args:
        runners: one a seed.
        cells: each after those that it is made of.
        progress: show a progress bar.
    """
    jobs = [(runner, cell) for runner in runners for cell in cells]
    console = Console(stderr=True)
    steps = track(jobs, "Computing cells", console=console, disable=not progress, transient=True)
    return _grouped(runners, ((runner, cell, *_find(runner, cell)) for runner, cell in steps))


def _grouped(
    runners: Sequence[CellRunner],
    found: Iterable[tuple[CellRunner, Cell, AttackFound | RemovalFound | RecoveryFound | Missing, CellState]],
) -> list[Outcome]:
    results: list[dict[Cell, AttackFound | RemovalFound | RecoveryFound | Missing]] = [{} for _ in runners]
    states: list[list[CellState]] = [[] for _ in runners]
    for runner, cell, result, state in found:
        index = runners.index(runner)
        results[index][cell] = result
        if not state.folder or state.folder not in {other.folder for other in states[index]}:
            states[index].append(state)  # cells that come to the same are told once
    return [Outcome(Findings(own), tuple(seen)) for own, seen in zip(results, states, strict=True)]


def _find(runner: CellRunner, cell: Cell) -> tuple[AttackFound | RemovalFound | RecoveryFound | Missing, CellState]:
    reused = False
    try:
        reused = runner.is_finished(cell)
        found = runner.find(cell)
        place = runner.place(cell).folder.name
        return found, CellState(cell.title, place, runner.run.seed, runner.seconds(cell), reused)
    except Exception as error:  # whatever it is, the other cells do not depend on it, and the report tells it
        reason = str(error) if isinstance(error, MiadError) else f"{type(error).__name__}: {error}"
        reason = " ".join(reason.split())
        if runner.compute:
            sys.stderr.write(f"{cell.title}: {reason}\n")
        return Missing(reason), CellState(cell.title, "", runner.run.seed, None, reused, reason)
