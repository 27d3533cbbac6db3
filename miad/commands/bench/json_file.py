"""Numbers of a table as a JSON file."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from miad.imaging import atomic_path

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def write_json(path: Path | None, numbers: "DataclassInstance") -> None:
    """Write a dataclass, and those within it, by the names of their fields.

    Args:
        path: the file; None writes nothing.
        numbers: what it is to hold; None stands for what could not be measured.

    Raises:
        RunError: the folder can not be written.
    """
    if path is None:
        return
    with atomic_path(path) as draft:
        draft.write_text(json.dumps(asdict(numbers), indent=1, allow_nan=False) + "\n", encoding="utf-8")
