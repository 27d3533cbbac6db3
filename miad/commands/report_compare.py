"""``miad report --compare``: runs side by side."""

import glob
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from miad.errors import InputError
from miad.evaluation.report import Table, compare_runs, write_report


def compare_folders(words: Sequence[str], out: Path) -> Path:
    """Lay runs side by side; the page.

    Args:
        words: folders of runs, several with commas between, or patterns.
        out: folder to write to.

    Raises:
        InputError: there are fewer than two runs.
    """
    folders = [folder for folder in _folders(words) if folder.resolve() != out.resolve()]
    report = compare_runs(folders)
    page = write_report(report, out)
    console = Console()
    for line in report.summary:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    for table in report.tables:
        if table.name == "left_out":
            _show_left_out(console, table)
    console.print(f"{report.title}: {page}", highlight=False, soft_wrap=True)
    return page


def _show_left_out(console: Console, table: Table) -> None:
    for folder, reason in table.rows:
        console.print(f"left out: {folder}: {reason}", highlight=False, soft_wrap=True, markup=False)


def _folders(words: Sequence[str]) -> list[Path]:
    return [folder for word in words for folder in _expand(word)]


def _expand(word: str) -> list[Path]:
    """The folders that a word names: one, several with commas between, or a pattern that the shell left alone.

    Raises:
        InputError: nothing fits the pattern.
    """
    if word.strip() and Path(word).exists():
        return [Path(word)]
    parts = [part.strip() for part in word.split(",") if part.strip()]
    if len(parts) != 1:
        return [folder for part in parts for folder in _expand(part)]
    if not glob.has_magic(parts[0]):
        return [Path(parts[0])]
    found = sorted(Path(name) for name in glob.glob(parts[0]))  # noqa: PTH207  (Path.glob takes no absolute patterns)
    if not found:
        raise InputError(f"expected runs to compare, found nothing that fits {word!r}")
    return found
