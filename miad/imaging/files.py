"""Files appear whole or not at all: write beside, then rename."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from miad.errors import RunError


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path beside ``path``; renamed to it when the block ends well, removed when it does not.

    Raises:
        RunError: the folder can not be written (no permission, disk full).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(handle)
    except OSError as error:
        raise RunError(write_failure(path, error)) from error
    draft = Path(name)
    try:
        yield draft
        draft.chmod(0o666 & ~_umask())  # mkstemp makes files private; a run's files follow the user's umask
        draft.replace(path)
    except OSError as error:
        raise RunError(write_failure(path, error)) from error
    finally:
        draft.unlink(missing_ok=True)


def write_failure(path: Path, error: OSError) -> str:
    """One line about a file that could not be written, with the way out."""
    reason = error.strerror or error
    return f"{path}: can not be written ({reason}); free some space or choose another folder"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
