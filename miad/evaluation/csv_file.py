"""Tables as CSV files."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from miad.imaging import atomic_path


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table; the file appears whole or not at all.

    Raises:
        RunError: the folder can not be written.
    """
    with atomic_path(path) as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
