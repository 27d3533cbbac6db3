"""What tables come to, in a sentence for a report's summary."""

from collections.abc import Sequence

from miad.evaluation.report.document import Table, Value

_DELTAS = {
    "accuracy_without": "without delta",
    "accuracy_with": "with delta under the same marks",
    "accuracy_with_anew": "with delta that was searched over",
}
"""Columns of Figure 5c, in words."""


def entry(table: Table, column: str, **where: str) -> Value:
    """An entry of the first line that has these values; None where there is none."""
    names = [one.name for one in table.columns]
    for row in table.rows:
        line = dict(zip(names, row, strict=True))
        if all(line[name] == value for name, value in where.items()):
            return line.get(column)
    return None


def against(value: Value, paper: Value) -> str:
    """A share beside the paper's."""
    own = "missing" if value is None else f"{value:.3f}"
    return own if paper is None else f"{own} (the paper: {paper:.3f})"


def accuracy_words(tables: Sequence[Table]) -> str:
    """Figures 2b and 2c."""
    (table,) = tables
    parts = []
    for search in dict.fromkeys(str(row[0]) for row in table.rows):
        where = {"search": search, "model": "mean"}
        own, paper = entry(table, "accuracy_after", **where), entry(table, "paper_accuracy_after", **where)
        parts.append(f"{search} {against(own, paper)}")
    return f"{table.title}, mean: {', '.join(parts)}."


def removal_words(tables: Sequence[Table]) -> str:
    """Figure 5c."""
    (table,) = tables
    parts = []
    for column, words in _DELTAS.items():
        own, paper = (entry(table, name, model="mean") for name in (column, f"paper_{column}"))
        parts.append(f"{against(own, paper)} {words}")
    return f"{table.title}, mean: {', '.join(parts)}."


def recovery_words(tables: Sequence[Table]) -> str:
    """Figure 4b."""
    (table,) = tables
    share, images = (entry(table, name, kind="recovered") for name in ("equal", "images"))
    return "" if share is None else f"Recovered by the key, bit for bit: {100 * float(share):.0f} % of {images} images."


def success_words(tables: Sequence[Table]) -> str:
    """MedLocker's Table 1."""
    (table,) = tables
    parts = [f"{row[0]} {against(row[2], row[3])}" for row in table.rows]
    return f"{table.title}: {', '.join(parts)}."
