"""A protocol: one table or figure of a paper."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import isnan, sqrt
from statistics import fmean, stdev
from typing import TypeAlias

from miad.evaluation.papers import PaperName
from miad.evaluation.protocols.cell import Cell
from miad.evaluation.protocols.found import Findings
from miad.evaluation.protocols.plan import Plan
from miad.evaluation.report.document import Column, Figure, Table, Value

Tables: TypeAlias = Callable[[Plan, Findings], list[Table]]
Charts: TypeAlias = Callable[[Sequence[Table]], list[Figure]]
Pictures: TypeAlias = Callable[[Plan, Findings], list[Figure]]


@dataclass(frozen=True)
class Protocol:
    """One table or figure of a paper.

    Args:
        name: as it is chosen: ``fig2b``.
        paper: whose.
        title: one line, with the paper's own number of it.
        words: what is done, and how it differs from the paper.
        cells: what must be computed.
        tables: made of the results of one seed.
        charts: made of the tables over all seeds.
        pictures: made of the results of the first seed.
        lacks: why an experiment can not have it; empty where it can.
        summary: one sentence of the tables, for the report's beginning.
    """

    name: str
    paper: PaperName
    title: str
    words: str
    cells: Callable[[Plan], list[Cell]]
    tables: Tables | None = None
    charts: Charts | None = None
    pictures: Pictures | None = None
    lacks: Callable[[Plan], str] | None = None
    summary: Callable[[Sequence[Table]], str] | None = None


EFFORT = (
    Column("queries_mean", "queries, mean", digits=1),
    Column("queries_median", "queries, median", digits=1),
    Column("ssim", "SSIM"),
    Column("psnr", "PSNR", "dB", 1),
)
"""What marks cost: the search, and the picture."""


def number(value: float | None) -> float | None:
    """A value as tables have it; what could not be measured is missing."""
    return None if value is None or isnan(value) else float(value)


def mean(values: Sequence[Value]) -> float | None:
    """Of all; missing where one of them is."""
    known = [value for value in values if isinstance(value, int | float)]
    return fmean(known) if known and len(known) == len(values) else None


def gaps(table: Table) -> Table:
    """The same, with a note on why means are missing, where one of our numbers is."""
    columns = zip(table.columns, zip(*table.rows, strict=True), strict=True)
    if not any(None in values for column, values in columns if not column.paper):
        return table
    words = "Where a number is missing (a classifier may have no image to attack), so is the mean over it."
    return replace(table, note=f"{table.note} {words}".strip())


def deviation(values: Sequence[Value]) -> float | None:
    """Standard deviation of a sample, likewise; missing for a single one."""
    known = [value for value in values if isinstance(value, int | float)]
    return stdev(known) if len(known) == len(values) > 1 else None


def lowest(values: Sequence[Value]) -> float | None:
    """Likewise."""
    known = [value for value in values if isinstance(value, int | float)]
    return float(min(known)) if known and len(known) == len(values) else None


def over_seeds(tables: Sequence[Table]) -> Table:
    """One table of several seeds' tables, which have the same lines: means of our numbers.

    With several seeds each of our columns of decimals gets a neighbour with its standard error, and numbers of images
    add up. A number that one of the seeds lacks is missing.
    """
    first = tables[0]
    if len(tables) == 1:
        return first
    columns: list[Column] = []
    lines: list[list[Value]] = [[] for _ in first.rows]
    for index, column in enumerate(first.columns):
        values = [[row[index] for row in rows] for rows in zip(*(table.rows for table in tables), strict=True)]
        columns.append(column)
        measured = not column.paper and any(isinstance(value, float) for own in values for value in own)
        for line, own in zip(lines, values, strict=True):
            line.append(_joined(column, own, measured=measured))
        if measured:
            columns.append(replace(column, name=f"{column.name}_error", title=f"{column.title}, standard error"))
            for line, own in zip(lines, values, strict=True):
                spread = deviation(own)
                line.append(None if spread is None else spread / sqrt(len(own)))
    note = f"{first.note} Means over {len(tables)} seeds.".strip()
    return replace(first, columns=tuple(columns), rows=tuple(map(tuple, lines)), note=note)


def _joined(column: Column, values: Sequence[Value], *, measured: bool) -> Value:
    if measured:
        return mean(values)
    if column.name == "images":
        known = [value for value in values if isinstance(value, int)]
        return sum(known) if len(known) == len(values) else None
    return values[0]
