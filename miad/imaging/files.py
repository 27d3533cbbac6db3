"""Files appear whole or not at all: write beside, then rename."""

import errno
import hashlib
import os
import re
import secrets
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import get_ident

from miad.errors import RunError

_DRAFT = ".draft"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_LONGEST = 180
"""Bytes of a file's name in its draft's."""
_MACHINE = secrets.token_hex(4)
"""Tells apart processes of one number on several machines."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A fresh path beside ``path``; renamed to it when the block ends well, removed when it does not.

    What was written is on the disk before the new name is. A killed process leaves its draft; see `remove_drafts`.

    Raises:
        RunError: the folder can not be written (no permission, disk full).
    """
    draft = draft_of(path)
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


def draft_of(path: Path) -> Path:
    """Where this thread writes a file before it has its name."""
    # Processes of one run, on one machine or several, and threads of one process may write the same file.
    return path.with_name(f".{_stem(path.name)}.{_MACHINE}-{os.getpid()}-{get_ident()}{_DRAFT}")


def _stem(name: str) -> str:
    """A name that leaves room for more beside it: file systems take 255 bytes at most."""
    return name if len(os.fsencode(name)) <= _LONGEST else hashlib.sha256(os.fsencode(name)).hexdigest()


def remove_drafts_of(path: Path) -> None:
    """Remove what killed processes left of one file, in a folder where others may write other files, and even this one.

    Raises:
        RunError: the folder can not be written.
    """
    mine = re.compile(rf"\.{re.escape(_stem(path.name))}\.[0-9a-f]+-([0-9]+)-[0-9]+{re.escape(_DRAFT)}")
    try:
        for draft in path.parent.iterdir() if path.parent.is_dir() else ():
            if (owner := mine.fullmatch(draft.name)) and not _is_running(int(owner[1])):
                draft.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(write_failure(path, error)) from error


def _is_running(process: int) -> bool:
    """Whether there is such a process on this machine; where it can not be asked, there may be."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # another user's, or no number of a process
        return True
    return True


def remove_drafts(folder: Path, files: Collection[str] | None = None) -> None:
    """Remove what killed processes left below a folder that no other process is writing.

    Args:
        folder: the folder.
        files: relative paths; only drafts of these are removed.
    """
    stems = None if files is None else {Path(f).with_name(_stem(Path(f).name)).as_posix() for f in files}
    for draft in folder.rglob(f".*{_DRAFT}"):
        name = draft.name[1 : -len(_DRAFT)].rpartition(".")[0]
        if stems is None or (draft.parent / name).relative_to(folder).as_posix() in stems:
            draft.unlink(missing_ok=True)


def write_failure(path: Path, error: OSError | sqlite3.OperationalError) -> str:
    """One line about a file that could not be written, with the way out."""
    reason = getattr(error, "strerror", None) or error
    full = isinstance(error, sqlite3.OperationalError) or error.errno in _FULL
    return f"{path}: can not be written ({reason}); {'free some space or ' if full else ''}choose another folder"
