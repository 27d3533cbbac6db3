"""Files appear whole or not at all: write beside, then rename."""

import os
import secrets
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident

from miad.errors import RunError

_DRAFT = ".draft"
_MACHINE = secrets.token_hex(4)
"""Tells apart processes of one number on several machines."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A fresh path beside ``path``; renamed to it when the block ends well, removed when it does not.

    What was written is on the disk before the new name is. A killed process leaves its draft; see `remove_drafts`.

    Raises:
        RunError: the folder can not be written (no permission, disk full).
    """
    # Processes of one run, on one machine or several, and threads of one process may write the same file.
    draft = path.with_name(f".{path.name}.{_MACHINE}-{os.getpid()}-{get_ident()}{_DRAFT}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.unlink(missing_ok=True)
        try:
            yield draft
            with draft.open("rb+") as file:
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
    except (OSError, sqlite3.OperationalError) as error:
        raise RunError(write_failure(path, error)) from error


def remove_drafts(folder: Path, files: Collection[str] | None = None) -> None:
    """Remove what killed processes left below a folder that no other process is writing.

    Args:
        folder: the folder.
        files: relative paths; only drafts of these are removed.
    """
    for draft in folder.rglob(f".*{_DRAFT}"):
        name = draft.name[1 : -len(_DRAFT)].rpartition(".")[0]
        if files is None or (draft.parent / name).relative_to(folder).as_posix() in files:
            draft.unlink(missing_ok=True)


def write_failure(path: Path, error: OSError | sqlite3.OperationalError) -> str:
    """One line about a file that could not be written, with the way out."""
    reason = getattr(error, "strerror", None) or error
    return f"{path}: can not be written ({reason}); free some space or choose another folder"
