"""What a report is made of; pages, CSV and LaTeX are made from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Value: TypeAlias = str | int | float | None
"""One entry of a table; None where it was not computed, which is shown as missing and never as zero."""

Mark: TypeAlias = Literal["best", "differs"]
"""Why an entry stands out: the best of those that it is compared with, or unlike the first of them."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Args:
        name: plain word, for CSV: ``accuracy_after``.
        title: for readers: ``accuracy after``.
        unit: ``dB``, ``%``, ``s``; empty for none.
        digits: decimals of its numbers.
        paper: whether it holds a paper's numbers, which stand beside ours.
    """

    name: str
    title: str
    unit: str = ""
    digits: int = 3
    paper: bool = False


@dataclass(frozen=True)
class Table:
    """Numbers under headings.

    Args:
        name: plain word, unique in the report; its file is ``tables/NAME.csv``.
        title: one line.
        columns: from left to right.
        rows: one entry a column each.
        note: what it shows and does not show, where it differs from the paper; may be empty.
        source: whose numbers stand beside ours (``MIAD-MARK, Figure 2b``); may be empty.
        row_digits: decimals of every row's numbers, where rows hold different measures; None takes the column's. Empty
            where columns hold the measures.
        marks: entries that stand out, by row and column, both from 0.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]
    note: str = ""
    source: str = ""
    row_digits: tuple[int | None, ...] = ()
    marks: Mapping[tuple[int, int], Mark] = field(default_factory=dict)


@dataclass(frozen=True)
class Figure:
    """A picture.

    Args:
        name: plain word, unique in the report.
        title: one line.
        data: the file's bytes, SVG or PNG.
        text: what it shows, for those who can not see it.
        note: as a table's.
    """

    name: str
    title: str
    data: bytes
    text: str
    note: str = ""


@dataclass(frozen=True)
class Section:
    """A heading, words, and what stands under them.

    Args:
        title: one line.
        words: paragraphs of plain text.
        blocks: tables and figures in reading order.
    """

    title: str
    words: tuple[str, ...] = ()
    blocks: tuple[Table | Figure, ...] = ()


@dataclass(frozen=True)
class Report:
    """A whole report.

    Args:
        title: one line.
        summary: paragraphs, the most important first.
        sections: in reading order.
        facts: method and settings, versions, seeds, hardware, time: name to value, in order.
    """

    title: str
    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    facts: dict[str, str] = field(default_factory=dict)

    @property
    def tables(self) -> tuple[Table, ...]:
        """All tables, in reading order."""
        return tuple(block for section in self.sections for block in section.blocks if isinstance(block, Table))

    @property
    def figures(self) -> tuple[Figure, ...]:
        """All figures, in reading order."""
        return tuple(block for section in self.sections for block in section.blocks if isinstance(block, Figure))
