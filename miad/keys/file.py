"""The key file: one SQLite database with a record an image and each rendering once.

It is not encrypted yet: whoever has the file can restore the images.
"""

import hashlib
import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from miad.errors import InputError
from miad.imaging import atomic_path
from miad.keys.record import Record
from miad.watermark import Rendering

VERSION = 2
"""Of the file's layout; a reader refuses what it does not know. Version 1 had no deltas."""

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE rendering (digest TEXT PRIMARY KEY, height INTEGER NOT NULL, width INTEGER NOT NULL, rgba BLOB NOT NULL)
    WITHOUT ROWID;
CREATE TABLE record (marked TEXT PRIMARY KEY, blob BLOB NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class Key:
    """A key in memory.

    Args:
        records: by the digest of the marked pixels.
        renderings: by digest.
    """

    records: Mapping[str, Record]
    renderings: Mapping[str, Rendering]


def rendering_digest(rendering: Rendering) -> str:
    """sha256 (hex) of a rendering's size and pixels."""
    rgba = rendering.rgba
    return hashlib.sha256(f"{rgba.shape}\n".encode() + rgba.tobytes()).hexdigest()


def write_key(path: Path, records: Iterable[Record], renderings: Mapping[str, Rendering]) -> None:
    """Write a key file; the same records give the same bytes.

    Raises:
        RunError: the folder can not be written.
    """
    with atomic_path(path) as draft, closing(sqlite3.connect(draft)) as database, database:
        database.executescript(_SCHEMA)
        database.execute("INSERT INTO meta VALUES ('version', ?)", (str(VERSION),))
        database.executemany("INSERT INTO rendering VALUES (?, ?, ?, ?)", map(_packed, sorted(renderings.items())))
        rows = sorted((record.marked, record.to_bytes()) for record in records)
        database.executemany("INSERT OR REPLACE INTO record VALUES (?, ?)", rows)


def read_key(path: Path) -> Key:
    """Read a key file.

    Raises:
        InputError: the file is missing, no key, damaged, or of a later version.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such key; 'miad attack' writes it into the run's folder")
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            _check_version(database)
            renderings = {row[0]: _unpacked(*row[1:]) for row in database.execute("SELECT * FROM rendering")}
            records = {row[0]: Record.from_bytes(row[1]) for row in database.execute("SELECT * FROM record")}
    except _LaterVersionError as error:
        raise InputError(f"{path}: expected a key of version {VERSION}, found {error}; update miad") from error
    except (sqlite3.Error, zlib.error, ValueError, TypeError) as error:
        raise InputError(f"{path}: expected a key of miad, found a damaged or other file ({error})") from error
    if lost := {record.rendering for record in records.values()} - renderings.keys():
        raise InputError(f"{path}: the key is damaged: {len(lost)} of the logo's renderings are missing")
    return Key(records, renderings)


class _LaterVersionError(Exception):
    """A key that another version of miad wrote."""


def _check_version(database: sqlite3.Connection) -> None:
    (version,) = database.execute("SELECT value FROM meta WHERE name = 'version'").fetchone() or ("none",)
    if version not in map(str, range(1, VERSION + 1)):
        raise _LaterVersionError(version)


def _packed(item: tuple[str, Rendering]) -> tuple[str, int, int, bytes]:
    digest, rendering = item
    rgba = rendering.rgba
    return digest, rgba.shape[0], rgba.shape[1], zlib.compress(rgba.tobytes(), 9)


def _unpacked(height: int, width: int, data: bytes) -> Rendering:
    return Rendering.from_rgba(np.frombuffer(zlib.decompress(data), dtype=np.uint8).reshape(height, width, 4))
