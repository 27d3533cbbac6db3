"""Make a key file and change it; every change is made in a copy, which is signed and then takes the file's place."""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from miad.errors import InputError, RunError
from miad.imaging import atomic_path, remove_drafts_of
from miad.keys.file import SCHEMA, VERSION, KeyFile, one_line, read_manifest, read_version, reading
from miad.keys.issuer import Issuer
from miad.keys.manifest import WHOLE, Manifest
from miad.keys.record import Record
from miad.keys.rendering import pack_rendering
from miad.keys.sealing import seal
from miad.watermark import Rendering

_PAGE = 1024
"""Bytes; smaller pages round the records up by less."""


@dataclass(frozen=True)
class SealedRecord:
    """A record that only the key's own identity opens.

    Args:
        marked: digest of the marked pixels.
        blob: the record, sealed.
    """

    marked: str
    blob: bytes = field(repr=False)


def seal_record(record: Record, recipient: str) -> SealedRecord:
    """Seal a record to a key's own identity, as soon as it is made.

    Args:
        record: the record.
        recipient: of the key, as `Issuer.recipient`.
    """
    return SealedRecord(record.marked, seal(record.to_bytes(), [recipient]))


def write_key(path: Path, records: Iterable[SealedRecord], renderings: Mapping[str, Rendering], issuer: Issuer) -> None:
    """Write a key file; it appears whole and signed, or not at all.

    Args:
        path: the file; a former one is replaced.
        records: sealed to the issuer's recipient; taken one by one.
        renderings: by their digests.
        issuer: who signs.

    Raises:
        RunError: the folder can not be written.
    """
    with atomic_path(path) as draft, closing(_connect(draft)) as database:
        database.execute(f"PRAGMA page_size = {_PAGE}")
        with database:
            database.executescript(SCHEMA)
            meta = [("version", str(VERSION)), ("issuer", issuer.public), ("signature", "")]
            database.executemany("INSERT INTO meta VALUES (?, ?)", meta)
            database.execute("INSERT INTO part VALUES (?, ?, x'')", (WHOLE, issuer.recipient))
            insert(database, records, renderings, [issuer.recipient])
            sign(database, issuer)


@contextmanager
def changing(path: Path, issuer: Issuer) -> Iterator[tuple[sqlite3.Connection, KeyFile]]:
    """Change a copy of a key, which is signed and takes the key's place when the block ends well.

    Raises:
        InputError: the key is damaged, or another issuer's.
        RunError: it can not be written, or another process has changed it meanwhile.
    """
    if path.is_file() and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)):
        raise RunError(f"{path}: can not be written (read-only); copy the key to where you may write")
    with reading(path):  # what is no key is told as such
        pass
    remove_drafts_of(path.resolve())
    with atomic_path(path.resolve()) as draft:  # a link stays one
        shutil.copy(path, draft)
        with _damage_told(path), closing(_connect(draft)) as database:
            file = KeyFile(path, database)
            file.check_issuer(issuer)
            with database:
                yield database, file
                sign(database, issuer)
        _check_unchanged(path, file.manifest)


@contextmanager
def _damage_told(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError:  # it can not be written
        raise
    except sqlite3.Error as error:
        raise InputError(f"{path}: the key is damaged ({one_line(error)}); get it again from who issued it") from error


def _check_unchanged(path: Path, before: Manifest) -> None:
    with closing(KeyFile(path)) as file:
        if file.manifest.signature != before.signature:
            raise RunError(f"{path}: another process has changed the key meanwhile; start again")


def _connect(draft: Path) -> sqlite3.Connection:
    """A draft open for writing; a journal of its own would outlast a kill, and a draft is never rolled back."""
    database = sqlite3.connect(draft)
    database.execute("PRAGMA trusted_schema = OFF")
    database.execute("PRAGMA journal_mode = OFF")
    return database


def insert(
    database: sqlite3.Connection,
    records: Iterable[SealedRecord],
    renderings: Mapping[str, Rendering],
    recipients: list[str],
) -> None:
    """Put sealed records, and renderings to be sealed to these recipients, into a key; former ones are replaced."""
    sealed = ((digest, seal(pack_rendering(renderings[digest]), recipients)) for digest in sorted(renderings))
    database.executemany("INSERT OR REPLACE INTO rendering VALUES (?, ?, ?)", (_row(*pair) for pair in sealed))
    rows = (_row(record.marked, record.blob) for record in records)
    database.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?)", rows)


def _row(digest: str, blob: bytes) -> tuple[bytes, bytes, bytes]:
    return bytes.fromhex(digest), hashlib.sha256(blob).digest(), blob


def sign(database: sqlite3.Connection, issuer: Issuer) -> None:
    """Sign what a key holds now."""
    signature = issuer.sign(read_manifest(database).to_sign(int(read_version(database))))
    database.execute("UPDATE meta SET value = ? WHERE name = 'signature'", (signature,))
