"""Files of identities and grants: never replaced; those with secrets are their owner's alone from the start."""

import os
import re
import tempfile
from pathlib import Path

from miad.errors import InputError, RunError
from miad.imaging import draft_of, remove_drafts_of, write_failure
from miad.keys.kind import found_at

_LARGEST = 1 << 20
"""Bytes; no identity and no grant comes near."""
_SECRET = re.compile(r"secret-key-1[a-z0-9]{8}|private key-----|[\r\n]", re.IGNORECASE)
"""In a name: it is no name, but a private key that was put in its place."""


def write_secret(path: Path, text: str) -> None:
    """Create a file of mode 0600; it appears whole or not at all.

    Raises:
        InputError: there is such a file already.
        RunError: the folder can not be written.
    """
    write_new(path, text.encode(), 0o600)


def write_new(path: Path, data: bytes, mode: int = 0o666) -> None:
    """Create a file; it appears whole or not at all.

    Args:
        path: the file.
        data: its bytes.
        mode: less what the process's umask takes off.

    Raises:
        InputError: there is such a file already.
        RunError: the folder can not be written.
    """
    draft = draft_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_drafts_of(path)
        draft.unlink(missing_ok=True)
        try:
            # The mode is given as the file is made, so that there is no moment with a wider one.
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            taken = not _name(draft, path)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(write_failure(path, error)) from error
    if taken:
        raise InputError(_taken(path))


def check_new(path: Path) -> None:
    """A file can be created here; nothing is left of the trial.

    Raises:
        InputError: there is such a file already.
        RunError: the folder can not be written.
    """
    if path.exists() or path.is_symlink():
        raise InputError(_taken(path))
    try:
        with tempfile.TemporaryFile(dir=next(parent for parent in path.parents if parent.exists())):
            pass
    except OSError as error:
        raise RunError(write_failure(path, error)) from error


def _taken(path: Path) -> str:
    return f"{path}: expected no such file yet, found one, which is never replaced; choose another name"


def _name(draft: Path, path: Path) -> bool:
    """Give a file its name, unless something else has it."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError:  # not every file system has links
        if path.exists():
            return False
        draft.replace(path)
    return True


def read_small(path: Path, what: str, hint: str) -> bytes:
    """The bytes of a small file.

    Args:
        path: the file.
        what: what it should be.
        hint: how to get one.

    Raises:
        InputError: it is missing, can not be read, is empty, or far too large. A private key that was given in place of
            the path is not repeated.
    """
    if _SECRET.search(str(path)):
        raise InputError(f"expected the name of {what}, found a private key or several lines; write it into a file")
    try:
        if not path.is_file():
            raise InputError(f"{path}: expected {what}, found {found_at(path, 'no such file')}; {hint}")
        size = path.stat().st_size
        if not 0 < size <= _LARGEST:
            found = found_at(path, "a large file") if size else "an empty file"
            raise InputError(f"{path}: expected {what}, found {found}; {hint}")
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: can not be read ({error.strerror}); {hint}") from error
