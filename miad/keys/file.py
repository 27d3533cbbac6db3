"""The key file: an SQLite database of sealed records and renderings, signed by its issuer.

Layout (versions 3 and 4): ``meta`` has the version, the issuer's public key and the signature; ``part`` and ``member``
say how the key is divided, see `miad.keys.manifest`; ``record`` has one age file an image, by the digest of its marked
pixels, and ``rendering`` each rendering of the logo once. Every sealed blob stands beside its sha256, and these are
what the issuer signs. So a reader checks the signature once, without reading the blobs, and each blob when it is
needed.
"""

import hashlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Lock

from miad.errors import InputError, MiadError, printable
from miad.keys.issuer import Issuer
from miad.keys.kind import A_KEY, found_at, key_instead
from miad.keys.manifest import WHOLE, Manifest, Part
from miad.keys.printable import check_printable
from miad.keys.signature import is_signed

VERSION = 4
"""Of the file's layout and of its records; a reader refuses what it does not know."""

READABLE = (3, VERSION)
"""Version 3 knew no files but PNG, no texture, and one way to pack a delta or a remainder."""

PLAIN = ("1", "2")
"""Versions that were not encrypted."""

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE part (name TEXT PRIMARY KEY, recipient TEXT NOT NULL, identity BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE member (part TEXT NOT NULL, marked BLOB NOT NULL, PRIMARY KEY (part, marked)) WITHOUT ROWID;
CREATE TABLE rendering (digest BLOB PRIMARY KEY, sha256 BLOB NOT NULL, blob BLOB NOT NULL);
CREATE TABLE record (marked BLOB PRIMARY KEY, sha256 BLOB NOT NULL, blob BLOB NOT NULL);
"""

_DAMAGE = (sqlite3.Error, ValueError, TypeError, MemoryError, OverflowError)
"""What sqlite and the conversions raise on damaged files."""


class KeyFile:
    """A key file open for reading, its signature checked.

    Args:
        path: the file.
        database: an open connection to it, where one is changing it.

    Raises:
        InputError: it is missing, no key, damaged, of a version without encryption or a later one, or not as its issuer
            signed it.
    """

    def __init__(self, path: Path, database: sqlite3.Connection | None = None) -> None:
        self.path = path
        with reading(path) as own:
            source = own if database is None else database
            version = check_version(path, read_version(source))
            _check_schema(source)
            self.manifest = read_manifest(source)
        if not is_signed(self.manifest.issuer, self.manifest.signature, self.manifest.to_sign(version)):
            raise InputError(f"{path}: the key is damaged, or was changed by others; get it again from who issued it")
        self._database = _connect(path) if database is None else database
        self._lock = Lock()
        self._is_closed = False

    def check_issuer(self, issuer: Issuer) -> None:
        """It is this issuer's key.

        Raises:
            InputError: another signed it, or its records are sealed to another.
        """
        if (self.manifest.issuer, self.manifest.recipient) != (issuer.public, issuer.recipient):
            raise InputError(f"{self.path}: expected the identity of this key's issuer, found another's")

    def record(self, marked: str) -> bytes:
        """A sealed record, by the digest of its marked pixels.

        Raises:
            KeyError: there is none.
            InputError: it is damaged.
        """
        return self._blob("SELECT blob FROM record WHERE marked = ?", marked, self.manifest.records[marked])

    def rendering(self, digest: str) -> bytes:
        """A sealed rendering, by its digest.

        Raises:
            KeyError: there is none.
            InputError: it is damaged.
        """
        return self._blob("SELECT blob FROM rendering WHERE digest = ?", digest, self.manifest.renderings[digest])

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._is_closed = True
            self._database.close()

    def _blob(self, query: str, digest: str, sha256: bytes) -> bytes:
        try:
            with self._lock:  # threads share the connection
                if self._is_closed:
                    raise InputError(f"{self.path}: expected an open key, found one that was closed; open it again")
                row = self._database.execute(query, (bytes.fromhex(digest),)).fetchone()
        except InputError:
            raise
        except _DAMAGE as error:
            raise InputError(f"{self.path}: the key is damaged ({one_line(error)})") from error
        if row is None or not isinstance(row[0], bytes) or hashlib.sha256(row[0]).digest() != sha256:
            raise InputError(f"{self.path}: a part of the key is damaged; get it again from who issued it")
        return row[0]


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A database open for reading; whatever is wrong with the file comes out as one line.

    Raises:
        InputError: the file is missing, no key, or damaged.
    """
    if path.is_dir():
        raise InputError(f"{path}: expected a key of miad, found {found_at(path, 'a folder')}; {key_instead(path)}")
    if not path.is_file():
        raise InputError(f"{path}: no such key; 'miad attack' writes it into the run's folder")
    try:
        with closing(_connect(path)) as database:
            yield database
    except MiadError:
        raise
    except _DAMAGE as error:
        raise InputError(f"{path}: expected a key of miad, found {_found(path, error)}") from error


def _found(path: Path, error: BaseException) -> str:
    """What a file is that is no key, and which to give instead; of a damaged key, what sqlite says of it."""
    found = found_at(path, "")
    if found in ("", A_KEY):
        return f"a damaged or other file ({one_line(error)})"
    return f"{found}; {key_instead(path)}"


def one_line(error: BaseException) -> str:
    """What sqlite says may repeat what is in the file."""
    return printable(str(error)[:200])


def _connect(path: Path) -> sqlite3.Connection:
    # A journal beside the file may be a stranger's, and rolling it back can delete any file; immutable ignores it.
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)
    database.execute("PRAGMA trusted_schema = OFF")
    return database


def read_version(database: sqlite3.Connection) -> str:
    """The version that a key names.

    Raises:
        ValueError: it names none.
    """
    row = database.execute("SELECT value FROM meta WHERE name = 'version'").fetchone()
    if row is None or not re.fullmatch(r"[0-9]{1,6}", str(row[0])):
        raise ValueError("it has no version")
    return str(row[0])


def check_version(path: Path, version: str) -> int:
    """It is a version that this miad reads; the version.

    Raises:
        InputError: it is another.
    """
    if version in PLAIN:
        raise InputError(f"{path}: expected a key of version {VERSION}, found {version}, which is not encrypted")
    if int(version) not in READABLE:
        raise InputError(f"{path}: expected a key of version {VERSION}, found {version}; update miad")
    return int(version)


def _check_schema(database: sqlite3.Connection) -> None:
    """The file has the tables of a key and nothing that would run when they are read."""
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    with closing(sqlite3.connect(":memory:")) as sound:
        sound.executescript(SCHEMA)
        expected = set(sound.execute(query))
    if set(database.execute(query)) != expected:
        raise ValueError("other tables than a key's")


def read_manifest(database: sqlite3.Connection) -> Manifest:
    """All that is open in a key; the signature is not checked yet.

    Raises:
        ValueError: it contradicts itself.
    """
    meta = {"issuer": "", "signature": ""} | dict(database.execute("SELECT name, value FROM meta"))
    records = {_digest(m).hex(): _digest(s) for m, s in database.execute("SELECT marked, sha256 FROM record")}
    renderings = {_digest(d).hex(): _digest(s) for d, s in database.execute("SELECT digest, sha256 FROM rendering")}
    members: dict[str, set[str]] = {}
    for part, marked in database.execute("SELECT part, marked FROM member"):
        members.setdefault(part, set()).add(_digest(marked).hex())
    rows = database.execute("SELECT name, recipient, identity FROM part")
    parts = {str(n): Part(str(r), _blob(i), frozenset(members.pop(n, ()))) for n, r, i in rows}
    check_printable(*parts, *(part.recipient for part in parts.values()))
    if WHOLE not in parts or members or any(part.members - records.keys() for part in parts.values()):
        raise ValueError("its parts do not fit its records")
    return Manifest(str(meta["issuer"]), parts, records, renderings, str(meta["signature"]))


def _blob(value: object) -> bytes:
    """Sqlite gives values of any type for any column; a number would become so many bytes."""
    if not isinstance(value, bytes):
        raise ValueError("expected bytes in a column")
    return value


def _digest(value: object) -> bytes:
    """One of sha256."""
    digest = _blob(value)
    if len(digest) != hashlib.sha256().digest_size:
        raise ValueError("expected a digest in a column")
    return digest
