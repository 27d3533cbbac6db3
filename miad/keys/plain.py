"""Keys of versions 1 and 2, which were not encrypted: whoever has one can restore the images."""

import hashlib
import sqlite3
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from miad.errors import InputError
from miad.keys.file import one_line, reading
from miad.keys.record import Record
from miad.keys.rendering import LARGEST, rendering_digest, unpack_rgba
from miad.watermark import Rendering


def read_plain(path: Path) -> tuple[dict[str, Record], dict[str, Rendering]]:
    """All records by the digest of their marked pixels, and all renderings by theirs.

    Raises:
        InputError: the file is damaged.
    """
    with reading(path) as database:
        try:
            renderings = dict(_renderings(database))
            records = {row[0]: Record.from_bytes(row[1]) for row in database.execute("SELECT * FROM record")}
        except (sqlite3.Error, zlib.error, ValueError, TypeError, MemoryError, OverflowError) as error:
            raise InputError(
                f"{path}: expected a key of miad, found a damaged or other file ({one_line(error)})"
            ) from error
    if lost := {record.rendering for record in records.values()} - renderings.keys():
        raise InputError(f"{path}: the key is damaged: {len(lost)} of the logo's renderings are missing")
    return records, renderings


def plain_digest(records: Mapping[str, Record], renderings: Mapping[str, Rendering]) -> str:
    """sha256 (hex) of all that a key holds; what is not signed is told apart by it."""
    digest = hashlib.sha256()
    for name in sorted(records):
        digest.update(f"{name}\n".encode() + hashlib.sha256(records[name].to_bytes()).digest())
    for name in sorted(renderings):
        digest.update(f"{name} {rendering_digest(renderings[name])}\n".encode())
    return digest.hexdigest()


def _renderings(database: sqlite3.Connection) -> Iterator[tuple[str, Rendering]]:
    samples = 0
    for digest, height, width, data in database.execute("SELECT * FROM rendering"):
        samples += height * width * 4
        if samples > LARGEST:  # many small files in one are as large as a large one
            raise ValueError("renderings of an impossible size")
        yield digest, unpack_rgba(height, width, data)
