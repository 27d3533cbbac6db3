"""Divide a key: a new part for some of its images, so that a grant can cover those and no others."""

from collections.abc import Collection
from contextlib import closing
from pathlib import Path

from miad.errors import InputError
from miad.keys.file import KeyFile
from miad.keys.issuer import Issuer
from miad.keys.key import open_whole, part_identity
from miad.keys.manifest import WHOLE
from miad.keys.sealing import Identity, seal
from miad.keys.writing import SealedRecord, changing, insert

_LONGEST = 100


def add_part(path: Path, issuer: Issuer, name: str, members: Collection[str]) -> Identity:
    """Make a part of a key, all at once, and return its identity.

    The records of its images are sealed once more, to all parts that hold them; the others stay as they are.

    Args:
        path: the key.
        issuer: who made the key.
        name: what to call the part; everybody can read it.
        members: digests of the marked pixels of its images.

    Raises:
        InputError: the key is damaged or another issuer's, the name is taken or no name, or an image is not in the key.
        RunError: the key can not be written.
    """
    with changing(path, issuer) as (database, file):
        manifest = file.manifest
        _check(path, name, manifest.parts, members, manifest.records)
        key, new = open_whole(file, issuer.identity), Identity.generate()
        sealed_identity = seal(new.reveal().encode(), [issuer.recipient])
        database.execute("INSERT INTO part VALUES (?, ?, ?)", (name, new.recipient, sealed_identity))
        rows = ((name, bytes.fromhex(marked)) for marked in sorted(set(members)))
        database.executemany("INSERT INTO member VALUES (?, ?)", rows)
        records = (
            SealedRecord(m, seal(key.records[m].to_bytes(), [*manifest.recipients(m), new.recipient]))
            for m in sorted(set(members))
        )
        everyone = [part.recipient for _, part in sorted(manifest.parts.items())]
        insert(database, records, key.renderings, [*everyone, new.recipient])
    return new


def identity_of(path: Path, issuer: Issuer, name: str) -> Identity:
    """The identity of a part that a key has.

    Raises:
        InputError: the key is damaged or another issuer's, or has no such part.
    """
    with closing(KeyFile(path)) as file:
        file.check_issuer(issuer)
        if name not in file.manifest.parts:
            known = ", ".join(sorted(file.manifest.parts))
            raise InputError(f"{path}: expected a part of the key ({known}), found {name!r}")
        return part_identity(open_whole(file, issuer.identity), file.manifest, name)


def _check(path: Path, name: str, taken: Collection[str], members: Collection[str], known: Collection[str]) -> None:
    if not name.isprintable() or not 0 < len(name) <= _LONGEST:
        raise InputError(f"expected a short printable name for the part, found {name[:_LONGEST]!r}")
    if name == WHOLE or name in taken:
        raise InputError(f"{path}: the key has a part {name!r} already; choose another name")
    if not members:
        raise InputError(f"expected images for the part {name!r}, found none")
    if lost := len(set(members) - set(known)):
        raise InputError(f"{path}: {lost} of the images of the part {name!r} are not in the key")
