"""Check a key from end to end."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from miad.errors import InputError
from miad.keys.file import KeyFile
from miad.keys.key import Key
from miad.keys.record import Record


def check_sealed(path: Path) -> Iterator[str]:
    """Compare every sealed record and rendering with what the issuer signed; needs no identity.

    Yields:
        For each of them, what is wrong with it; empty where nothing is.

    Raises:
        InputError: the file is no key, is damaged as a whole, or is not as its issuer signed it.
    """
    with closing(KeyFile(path)) as file:
        yield from (_problem(file.record, marked) for marked in sorted(file.manifest.records))
        yield from (_problem(file.rendering, digest) for digest in sorted(file.manifest.renderings))


def check_records(key: Key) -> Iterator[str]:
    """Open every record that the key gives access to, the rendering that it names, and the delta that it shares.

    Yields:
        For each record, what is wrong with it; empty where nothing is.
    """
    yield from (_problem(lambda name: _open(key, key.records[name]), marked) for marked in key.records)


def _open(key: Key, record: Record) -> None:
    key.rendering(record)
    key.shared(record)


def _problem(read: Callable[[str], object], name: str) -> str:
    try:
        read(name)
    except InputError as error:
        return str(error)
    return ""
