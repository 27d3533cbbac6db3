"""How one entry of a table reads."""

from math import isfinite, isnan

from miad.evaluation.report.document import Table, Value

MINUS = "\N{MINUS SIGN}"


def is_missing(value: Value) -> bool:
    """Whether there is nothing to show: not computed, or not a number."""
    return value is None or (isinstance(value, float) and isnan(value))


def is_number(value: Value) -> bool:
    """Whether it is to be lined up and sorted with numbers."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def read_entry(value: Value, digits: int, minus: str = MINUS, infinity: str = "\N{INFINITY}") -> str:
    """The text of an entry that is not missing.

    Args:
        value: the entry; whole numbers keep no decimals, truths read yes and no.
        digits: decimals.
        minus: the sign of numbers below zero.
        infinity: for numbers without bound.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) or value is None:
        return value or ""
    if not isfinite(value):
        return infinity if value > 0 else minus + infinity
    text = f"{value:.{0 if isinstance(value, int) else digits}f}"
    # What rounds to zero has no sign.
    return minus + text[1:] if text.startswith("-") and text.strip("-0.") else text.removeprefix("-")


def digits_of(table: Table, row: int, column: int) -> int:
    """Decimals of an entry: its row's, if rows have their own, else its column's."""
    own = table.row_digits[row] if table.row_digits else None
    return table.columns[column].digits if own is None else own


def is_numeric(table: Table, column: int) -> bool:
    """Whether all entries of a column that are there are numbers."""
    there = [row[column] for row in table.rows if not is_missing(row[column])]
    return bool(there) and all(map(is_number, there))
