"""Tables of several runs: their measures, and what differed in their settings."""

import re
from collections.abc import Sequence
from math import isnan

from miad.evaluation.report.document import Column, Mark, Table, Value
from miad.evaluation.report.measure_words import MeasureWords, measure_words
from miad.evaluation.report.run_folder import RunFolder
from miad.evaluation.report.same_data import data_words
from miad.evaluation.report.settings import differing_settings

_OF = {"attack": "classifier", "evaluate transfer": "search, searched on, judged by"}
_OF |= {"evaluate removal": "delta, removed by", "test segmenter": "lesions", "fit segmenter": "lesions"}
"""What measures of parts are of, by command."""
_LONG = 30
"""Rows above which a table is cut into one a measure."""


def runs_table(runs: Sequence[RunFolder]) -> Table:
    """What the runs are, one a row."""
    columns = ("run", "command", "data", "seed", "folder", "remarks")
    rows = [
        (run.name, run.command, data_words(run), _seed(run), str(run.folder), "; ".join(run.remarks)) for run in runs
    ]
    return Table("runs", "Runs that are compared", tuple(Column(name, name, digits=0) for name in columns), tuple(rows))


def _seed(run: RunFolder) -> Value:
    seed = (run.settings or {}).get("run.seed", (run.settings or {}).get("seed"))
    return seed if isinstance(seed, int | str) else None


def measure_tables(runs: Sequence[RunFolder], *, ranked: bool) -> list[Table]:
    """Measures down, runs across.

    Args:
        runs: of one command.
        ranked: whether to mark the best of every row.
    """
    command = runs[0].command
    names = list(dict.fromkeys(name for run in runs for name in run.measures or {}))
    words = {name: measure_words(name, command) for name in names}
    whole, parts = [name for name in names if not words[name].of], [name for name in names if words[name].of]
    stem = plain_name(command)
    tables = [(f"{stem}_measures", "Measures", whole)]
    if len(parts) <= _LONG:
        tables.append((f"{stem}_parts", "Measures of each part", parts))
    else:
        for title in dict.fromkeys(words[name].title for name in parts):
            own = [name for name in parts if words[name].title == title]
            tables.append((f"{stem}_{plain_name(title)}", title[0].upper() + title[1:], own))
    return [_measures(name, title, own, words, runs, ranked=ranked) for name, title, own in tables if own]


def plain_name(text: str) -> str:
    """A text as a plain word, for names of tables and figures."""
    return re.sub(r"\W+", "_", text).strip("_").lower()


def _measures(
    name: str,
    title: str,
    names: Sequence[str],
    words: dict[str, MeasureWords],
    runs: Sequence[RunFolder],
    *,
    ranked: bool,
) -> Table:
    parted = any(words[measure].of for measure in names)
    of = _OF.get(runs[0].command, "of")
    columns = [Column("measure", "measure"), *([Column("of", of)] if parted else []), Column("better", "better")]
    columns += [Column(run.name, run.name) for run in runs]
    if len(runs) > 1:
        columns.append(Column("difference", "difference" if len(runs) == 2 else "range"))
    rows, marks = [], {}
    first = 3 if parted else 2
    for row, measure in enumerate(names):
        own, values = words[measure], [_value(run, measure) for run in runs]
        start = [own.heading, *([own.of] if parted else []), own.better]
        rows.append((*start, *values, *([_difference(values)] if len(runs) > 1 else [])))
        for index in _best(values, own) if ranked else ():
            best: Mark = "best"
            marks[row, first + index] = best
    digits = tuple(words[measure].digits for measure in names)
    return Table(name, title, tuple(columns), tuple(rows), _note(len(runs)), row_digits=digits, marks=marks)


def _note(runs: int) -> str:
    if runs == 1:
        return ""
    return "Difference: the second run less the first." if runs == 2 else "Range: the largest less the smallest."


def _value(run: RunFolder, measure: str) -> float | None:
    value = (run.measures or {}).get(measure)
    return None if value is None or isnan(value) else value


def _difference(values: Sequence[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    if len(there) < 2:
        return None
    return there[1] - there[0] if len(values) == 2 else max(there) - min(there)


def _best(values: Sequence[float | None], words: MeasureWords) -> list[int]:
    """Which values are best, to the decimals that are shown; none where all are equal."""
    rounded = {index: round(value, words.digits) for index, value in enumerate(values) if value is not None}
    if not words.better or len(set(rounded.values())) < 2:
        return []
    best = (max if words.better == "higher" else min)(rounded.values())
    return [index for index, value in rounded.items() if value == best]


def settings_table(runs: Sequence[RunFolder]) -> Table | None:
    """The settings that are not the same in all runs of one command; None where there are none."""
    differing = differing_settings(runs)
    if not differing:
        return None
    columns = (Column("setting", "setting"), *(Column(run.name, run.name) for run in runs))
    rows = tuple((name, *values) for name, values in differing.items())
    unlike: Mark = "differs"
    marks = {
        (row, column): unlike
        for row, (_, first, *others) in enumerate(rows)
        for column, value in enumerate(others, start=2)
        if value != first and value is not None and first is not None
    }
    note = "All other settings are the same, but for the run's name and folder. A dash: no such setting"
    unread = [run.name for run in runs if run.settings is None]
    note += f"; missing: settings that can not be read ({', '.join(unread)})." if unread else "."
    name = f"{plain_name(runs[0].command)}_settings"
    return Table(name, "Settings that differ", columns, rows, note, marks=marks)
