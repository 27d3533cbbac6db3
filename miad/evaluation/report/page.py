"""A report as one HTML page that needs nothing else."""

from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from miad.evaluation.report.document import Column, Figure, Report, Table, Value
from miad.evaluation.report.entries import digits_of, is_missing, is_number, is_numeric, read_entry
from miad.evaluation.report.latex import to_latex
from miad.evaluation.report.pictures import as_uri, data_uri
from miad.evaluation.report.tabular import to_csv


def render_page(report: Report) -> str:
    """The page: styles, pictures and the script that sorts tables are inside; it also reads well without the script.

    Raises:
        InputError: a figure is neither SVG nor PNG.
    """
    return _environment().get_template("report.html").render(page=_Page(report))


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("miad.evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


@dataclass(frozen=True)
class _Entry:
    """One entry as the page shows it."""

    text: str
    missing: bool
    number: bool
    paper: bool
    mark: str
    sort: str
    """What a click sorts by; empty where it is the text."""


@dataclass(frozen=True)
class _Block:
    """A table or a figure with its number in the page."""

    number: int
    table: Table | None = None
    figure: Figure | None = None

    @property
    def columns(self) -> list[tuple[Column, bool]]:
        """The table's columns, and whether they hold numbers."""
        table = self._table()
        return [(column, is_numeric(table, index)) for index, column in enumerate(table.columns)]

    @property
    def rows(self) -> list[list[_Entry]]:
        """The table's entries."""
        table = self._table()
        return [
            [_entry(table, row, column, value) for column, value in enumerate(values)]
            for row, values in enumerate(table.rows)
        ]

    @property
    def csv(self) -> str:
        """The table's CSV as an address."""
        return as_uri("text/csv", to_csv(self._table()).encode())

    @property
    def latex(self) -> str:
        """The table's LaTeX as an address."""
        return as_uri("application/x-tex", to_latex(self._table()).encode())

    @property
    def picture(self) -> str:
        """The figure as an address."""
        assert self.figure is not None
        return data_uri(self.figure.data)

    def _table(self) -> Table:
        assert self.table is not None
        return self.table


def _entry(table: Table, row: int, column: int, value: Value) -> _Entry:
    absent = "not given" if table.columns[column].paper else "missing"
    return _Entry(
        text=absent if is_missing(value) else read_entry(value, digits_of(table, row, column)),
        missing=is_missing(value),
        number=is_number(value),
        paper=table.columns[column].paper,
        mark=table.marks.get((row, column), ""),
        sort=repr(value) if is_number(value) and not is_missing(value) else "",
    )


class _Page:
    """A report with its tables and figures numbered through."""

    def __init__(self, report: Report) -> None:
        self.report = report
        tables, figures = iter(range(1, len(report.tables) + 1)), iter(range(1, len(report.figures) + 1))
        self.sections = [
            (
                f"section-{number}",
                section,
                [
                    _Block(next(tables), table=block)
                    if isinstance(block, Table)
                    else _Block(next(figures), figure=block)
                    for block in section.blocks
                ],
            )
            for number, section in enumerate(report.sections, start=1)
        ]

    @property
    def has_missing(self) -> bool:
        """Whether any entry of ours is missing."""
        return any(
            is_missing(value) and not column.paper
            for table in self.report.tables
            for row in table.rows
            for column, value in zip(table.columns, row, strict=True)
        )

    @property
    def has_paper(self) -> bool:
        """Whether any column holds a paper's numbers."""
        return any(column.paper for table in self.report.tables for column in table.columns)

    @property
    def marks(self) -> set[str]:
        """The marks that tables have."""
        return {mark for table in self.report.tables for mark in table.marks.values()}
