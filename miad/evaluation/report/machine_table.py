"""On what runs were made, with what, and how long that took."""

from collections.abc import Callable, Sequence
from datetime import UTC

from miad.evaluation.calls import Call
from miad.evaluation.report.document import Column, Mark, Table, Value
from miad.evaluation.report.run_folder import RunFolder

NOT_NOTED = "\N{EN DASH}"
"""Where a run's folder does not tell."""


def machine_table(runs: Sequence[RunFolder]) -> Table | None:
    """Time, hardware and versions, a column a run; None where no folder tells."""
    facts = list(dict.fromkeys(name for run in runs for call in run.calls or () for name in call.facts))
    if not facts:
        return None
    columns = (Column("machine", "machine"), *(Column(run.name, run.name) for run in runs))
    told = [(name, *(_fact(run, name) for run in runs)) for name in facts]
    rows: list[tuple[Value, ...]] = [
        ("start (UTC)", *(_start(run) for run in runs)),
        ("time (s)", *(_seconds(run) for run in runs)),
        ("calls", *(_told(run.calls, len) for run in runs)),
    ]
    marks = {(len(rows) + row, column): mark for (row, column), mark in _unlike(told).items()}
    note = (
        "Time: from when a call takes the run's folder until it leaves it, all calls together; what was read before, "
        "such as images for their digest, is not counted, and a call that was cut off counts up to the last file that "
        f"it wrote. {NOT_NOTED}: not noted in the run's folder."
    )
    digits = (None, 1, *(0 for _ in range(len(told) + 1)))
    return Table("machine", "Machine and time", columns, (*rows, *told), note, row_digits=digits, marks=marks)


def _unlike(rows: Sequence[tuple[Value, ...]]) -> dict[tuple[int, int], Mark]:
    """Entries that are not like the first one of their row that is known."""
    marks: dict[tuple[int, int], Mark] = {}
    for row, (_, *values) in enumerate(rows):
        first = next((value for value in values if value not in (None, NOT_NOTED)), None)
        for column, value in enumerate(values, start=1):
            if value not in (first, None, NOT_NOTED):
                marks[row, column] = "differs"
    return marks


def _fact(run: RunFolder, name: str) -> Value:
    """Of all of a run's calls, in their order; None where they can not be read."""
    if run.calls is None:
        return None
    found = dict.fromkeys(call.facts[name] for call in run.calls if name in call.facts)
    return "; then ".join(found) or NOT_NOTED


def _start(run: RunFolder) -> Value:
    return _told(run.calls, lambda calls: f"{calls[0].moment.astimezone(UTC):%Y-%m-%d %H:%M}")


def _seconds(run: RunFolder) -> Value:
    return _told(run.calls, lambda calls: sum(call.seconds or 0.0 for call in calls))


def _told(calls: Sequence[Call] | None, read: Callable[[Sequence[Call]], Value]) -> Value:
    return None if calls is None else read(calls) if calls else NOT_NOTED
