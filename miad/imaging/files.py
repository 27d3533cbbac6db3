"""Files appear whole or not at all: write beside, then rename."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from miad.errors import RunError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A fresh path beside ``path``; renamed to it when the block ends well, removed when it does not.

    The draft's name follows from the path's, so what a killed process left is taken over by the next one.

    Raises:
        RunError: the folder can not be written (no permission, disk full).
    """
    draft = path.with_name(f".{path.name}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        try:
            yield draft
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except (OSError, sqlite3.OperationalError) as error:
        raise RunError(write_failure(path, error)) from error


def write_failure(path: Path, error: OSError | sqlite3.OperationalError) -> str:
    """One line about a file that could not be written, with the way out."""
    reason = getattr(error, "strerror", None) or error
    return f"{path}: can not be written ({reason}); free some space or choose another folder"
