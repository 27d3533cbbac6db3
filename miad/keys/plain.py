"""Keys of versions 1 and 2, which were not encrypted: whoever has one can restore the images."""

import sqlite3
import zlib
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path

from miad.errors import InputError
from miad.imaging import atomic_path
from miad.keys.file import one_line, reading
from miad.keys.record import Record
from miad.keys.rendering import unpack_rgba
from miad.watermark import Rendering

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE rendering (digest TEXT PRIMARY KEY, height INTEGER NOT NULL, width INTEGER NOT NULL, rgba BLOB NOT NULL)
    WITHOUT ROWID;
CREATE TABLE record (marked TEXT PRIMARY KEY, blob BLOB NOT NULL) WITHOUT ROWID;
"""


def write_plain(path: Path, records: Iterable[Record], renderings: Mapping[str, Rendering]) -> None:
    """Write a key of version 2; the same records give the same bytes.

    Raises:
        RunError: the folder can not be written.
    """
    with atomic_path(path) as draft, closing(sqlite3.connect(draft)) as database, database:
        database.executescript(_SCHEMA)
        database.execute("INSERT INTO meta VALUES ('version', '2')")
        rows = ((d, *r.rgba.shape[:2], zlib.compress(r.rgba.tobytes(), 9)) for d, r in sorted(renderings.items()))
        database.executemany("INSERT INTO rendering VALUES (?, ?, ?, ?)", rows)
        blobs = sorted((record.marked, record.to_bytes()) for record in records)
        database.executemany("INSERT OR REPLACE INTO record VALUES (?, ?)", blobs)


def read_plain(path: Path) -> tuple[dict[str, Record], dict[str, Rendering]]:
    """All records by the digest of their marked pixels, and all renderings by theirs.

    Raises:
        InputError: the file is damaged.
    """
    with reading(path) as database:
        try:
            renderings = {row[0]: unpack_rgba(*row[1:]) for row in database.execute("SELECT * FROM rendering")}
            records = {row[0]: Record.from_bytes(row[1]) for row in database.execute("SELECT * FROM record")}
        except (sqlite3.Error, zlib.error, ValueError, TypeError, MemoryError, OverflowError) as error:
            raise InputError(
                f"{path}: expected a key of miad, found a damaged or other file ({one_line(error)})"
            ) from error
    if lost := {record.rendering for record in records.values()} - renderings.keys():
        raise InputError(f"{path}: the key is damaged: {len(lost)} of the logo's renderings are missing")
    return records, renderings
