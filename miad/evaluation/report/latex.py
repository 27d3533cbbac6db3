"""Tables as LaTeX, for papers: a tabular with the rules of booktabs."""

import re

from miad.evaluation.report.document import Column, Table
from miad.evaluation.report.entries import digits_of, is_missing, is_numeric, read_entry

_MISSING = "--"
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "\N{MULTIPLICATION SIGN}": r"\ensuremath{\times}",
    "\N{PLUS-MINUS SIGN}": r"\ensuremath{\pm}",
    "\N{LESS-THAN OR EQUAL TO}": r"\ensuremath{\le}",
    "\N{GREATER-THAN OR EQUAL TO}": r"\ensuremath{\ge}",
    "\N{RIGHTWARDS ARROW}": r"\ensuremath{\rightarrow}",
    "\N{MINUS SIGN}": r"\ensuremath{-}",
    "\N{INFINITY}": r"\ensuremath{\infty}",
    "\N{GREEK SMALL LETTER ALPHA}": r"\ensuremath{\alpha}",
    "\N{GREEK SMALL LETTER BETA}": r"\ensuremath{\beta}",
    "\N{GREEK SMALL LETTER GAMMA}": r"\ensuremath{\gamma}",
    "\N{GREEK SMALL LETTER DELTA}": r"\ensuremath{\delta}",
    "\N{GREEK SMALL LETTER EPSILON}": r"\ensuremath{\epsilon}",
    "\N{GREEK SMALL LETTER MU}": r"\ensuremath{\mu}",
    "\N{GREEK SMALL LETTER SIGMA}": r"\ensuremath{\sigma}",
    **{character: "\\" + character for character in "&%$#_{}"},
}


def escape_latex(text: str) -> str:
    """The same text in LaTeX: special characters escaped, one line."""
    escaped = "".join(_SPECIAL.get(character, character) for character in " ".join(text.split()))
    return re.sub("-(?=-)", "-{}", escaped)  # two hyphens would become a dash


def to_latex(table: Table) -> str:
    r"""The table as a ``tabular``; needs ``\usepackage{booktabs}``. Missing entries are ``--``, marked ones bold."""
    kinds = "".join("r" if is_numeric(table, index) else "l" for index in range(len(table.columns)))
    body = [
        _line([_entry(table, row, column) for column in range(len(table.columns))]) for row in range(len(table.rows))
    ]
    return "\n".join(
        [
            *_comments(table),
            rf"\begin{{tabular}}{{{kinds}}}",
            r"\toprule",
            _line([_heading(column) for column in table.columns]),
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _comments(table: Table) -> list[str]:
    return [f"% {' '.join(text.split())}" for text in (table.title, table.note, table.source) if text]


def _line(entries: list[str]) -> str:
    # What begins with a bracket would be read as an argument of the line before.
    guarded = ["{}" + entry if entry.startswith(("[", "*")) else entry for entry in entries]
    return " & ".join(guarded) + r" \\"


def _heading(column: Column) -> str:
    text = escape_latex(column.title + (f" ({column.unit})" if column.unit else ""))
    return rf"\textit{{{text}}}" if column.paper else text


def _entry(table: Table, row: int, column: int) -> str:
    value = table.rows[row][column]
    if is_missing(value):
        return _MISSING
    text = read_entry(value, digits_of(table, row, column))
    return rf"\textbf{{{escape_latex(text)}}}" if (row, column) in table.marks else escape_latex(text)
