"""A report as files: one page, and every table and figure on its own."""

import re
from collections.abc import Sequence
from pathlib import Path

from miad.errors import InputError
from miad.evaluation.report.document import Report, Table
from miad.evaluation.report.latex import to_latex
from miad.evaluation.report.page import render_page
from miad.evaluation.report.pictures import suffix
from miad.evaluation.report.tabular import to_csv
from miad.imaging import atomic_path

PAGE = "report.html"


def write_report(report: Report, folder: Path) -> Path:
    """Write a report; the same report gives the same bytes.

    ``report.html`` holds everything and needs nothing beside it, no network either. Each table is also in
    ``tables/NAME.csv`` (in full precision, what is missing is empty) and ``tables/NAME.tex`` (booktabs), each figure in
    ``figures/NAME.svg`` or ``.png``. Files of an earlier report in the same folder are replaced where the names are the
    same, and else stay.

    Args:
        report: what to write.
        folder: where; made if it is not there.

    Returns:
        The page.

    Raises:
        InputError: two tables or two figures have one name, a name is no plain word, a row does not fit its columns,
            or a figure is neither SVG nor PNG.
        RunError: the folder can not be written.
    """
    _check(report)
    page = render_page(report)
    for table in report.tables:
        _write(folder / "tables" / f"{table.name}.csv", to_csv(table).encode())
        _write(folder / "tables" / f"{table.name}.tex", to_latex(table).encode())
    for figure in report.figures:
        _write(folder / "figures" / (figure.name + suffix(figure.data)), figure.data)
    _write(folder / PAGE, page.encode())  # last, so that a page is never there without its tables
    return folder / PAGE


def _write(path: Path, data: bytes) -> None:
    with atomic_path(path) as draft:
        draft.write_bytes(data)


def _check(report: Report) -> None:
    _check_names("tables", [table.name for table in report.tables])
    _check_names("figures", [figure.name for figure in report.figures])
    for table in report.tables:
        _check_shape(table)
    for figure in report.figures:
        suffix(figure.data)


def _check_names(what: str, names: Sequence[str]) -> None:
    for name in names:
        if not re.fullmatch(r"\w[\w.+-]*", name):
            raise InputError(f"expected {what} named by plain words, found {name!r}; use letters, digits, _ . + -")
        if [other.casefold() for other in names].count(name.casefold()) > 1:
            raise InputError(f"expected {what} of different names, found {name!r} twice; rename one")


def _check_shape(table: Table) -> None:
    for row in table.rows:
        if len(row) != len(table.columns):
            raise InputError(
                f"expected {len(table.columns)} entries in every row of table {table.name}, found {len(row)}"
            )
    if table.row_digits and len(table.row_digits) != len(table.rows):
        raise InputError(
            f"expected decimals for {len(table.rows)} rows of table {table.name}, found {len(table.row_digits)}"
        )
