"""A key opened for reading: what an identity or a grant gives access to, each record decrypted when it is asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Self, TypeVar

from miad.errors import InputError, KeyMismatchError
from miad.imaging import pixel_digest
from miad.keys.delta import shared_delta
from miad.keys.file import PLAIN, KeyFile, read_version, reading
from miad.keys.grant import Grant, read_grant
from miad.keys.keyring import Keyring, KeyringSource, read_keyring
from miad.keys.manifest import WHOLE, Manifest
from miad.keys.passphrase import Passphrase
from miad.keys.plain import plain_digest, read_plain
from miad.keys.record import Record, restore
from miad.keys.rendering import rendering_digest, unpack_rendering
from miad.keys.sealing import DamagedError, Identity, WrongIdentityError, unseal
from miad.keys.signature import public_of
from miad.tensors import StoredPixels
from miad.watermark import Rendering

T = TypeVar("T")

_KEPT = 16
"""Renderings that are kept open; many images share one."""


class Key:
    """A key, opened.

    Args:
        path: the key file.
        identity: with a grant, the user's private key; else the key's own identity. Where neither is given, it is the
            identity that 'miad attack' wrote beside the key.
        grant: the grant of whoever is not the issuer.
        passphrase: opens a grant that was made for one, or an identity file that is encrypted by one.
        today: when grants are judged; by default now.

    Attributes:
        path: its file.
        records: those that may be opened, by the digest of the marked pixels.
        renderings: by digest.
        parts: names of the parts that are open.
        identities: what opens them.
        encrypted: false for early versions, which whoever has the file can read.
        signed: public key and signature of the issuer, which no other state of the file has; for early versions,
            nothing and a digest of what it holds.
        others: digests of the marked pixels of its other images, whose records do not open.

    Raises:
        InputError: a file is missing, damaged or not what it should be, the identity is not the right one, the grant
            has expired or belongs to another key, or the key was changed after it was signed.
    """

    path: Path
    records: Mapping[str, Record]
    renderings: Mapping[str, Rendering]
    parts: tuple[str, ...]
    identities: tuple[Identity, ...]
    encrypted: bool
    signed: tuple[str, str]
    others: frozenset[str]

    def __init__(
        self,
        path: str | Path,
        identity: KeyringSource | None = None,
        grant: str | Path | Grant | None = None,
        passphrase: Passphrase | None = None,
        today: date | None = None,
    ) -> None:
        vars(self).update(vars(_open(Path(path), identity, grant, passphrase, today)))

    @classmethod
    def of(
        cls,
        path: Path,
        records: Mapping[str, Record],
        renderings: Mapping[str, Rendering],
        parts: tuple[str, ...],
        identities: tuple[Identity, ...] = (),
        *,
        encrypted: bool = True,
        signed: tuple[str, str] = ("", ""),
        others: frozenset[str] = frozenset(),
    ) -> Self:
        """A key of what was opened already; see the attributes."""
        key = cls.__new__(cls)
        vars(key).update(path=path, records=records, renderings=renderings, parts=parts, identities=identities)
        vars(key).update(encrypted=encrypted, signed=signed, others=others)
        return key

    def restore(self, marked: StoredPixels) -> StoredPixels:
        """The original of a marked image, bit for bit, checked by sha256.

        Args:
            marked: the marked pixels exactly as they were written, ``(h, w)`` or ``(h, w, 3)`` in their own depth.

        Raises:
            KeyMismatchError: the key has no such image; perhaps it was edited, resized or re-saved.
            InputError: the key is damaged.
        """
        record = self.records.get(pixel_digest(marked))
        if record is None:
            raise KeyMismatchError("these pixels are those of no image of this key; they must be as they were written")
        return restore(marked, record, self.rendering(record), self.shared(record))

    def rendering(self, record: Record) -> Rendering:
        """The rendering that a record names.

        Raises:
            InputError: the key has none such.
        """
        try:
            return self.renderings[record.rendering]
        except KeyError:
            raise InputError(f"{self.path}: the key is damaged: a rendering of the logo is missing") from None

    def shared(self, record: Record) -> Rendering | None:
        """The picture of the delta that a record shares with others; None where it refers to none.

        Raises:
            InputError: the key has none such.
        """
        digest = shared_delta(record.delta)
        try:
            return self.renderings[digest] if digest else None
        except KeyError:
            raise InputError(f"{self.path}: the key is damaged: a delta that images share is missing") from None

    def close(self) -> None:
        """Let the file go."""
        for opened in (self.records, self.renderings):
            if isinstance(opened, _Opened):
                opened.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Key {self.path}: {len(self.records)} images>"


class _Opened(Mapping[str, T]):
    """What is sealed in a file, opened one by one."""

    def __init__(self, file: KeyFile, names: frozenset[str], open_one: Callable[[str], T]) -> None:
        self.close = file.close
        self._names = names
        self._open = open_one

    def __getitem__(self, name: str) -> T:
        if name not in self._names:
            raise KeyError(name)
        return self._open(name)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._names))

    def __len__(self) -> int:
        return len(self._names)


open_key = Key
"""What opens one, for who prefers a verb."""


def _open(
    path: Path,
    identity: KeyringSource | None,
    grant: str | Path | Grant | None,
    passphrase: Passphrase | None,
    today: date | None,
) -> Key:
    if not is_encrypted(path):
        # An identity beside the key tells that the issuer's key was encrypted: another file took its place.
        return _open_plain(path, given=identity is not None or grant is not None or own_identity(path).is_file())
    file = KeyFile(path)
    try:
        if grant is not None:
            return open_with(file, _granted(file, grant, identity, passphrase, today))
        keyring = read_keyring(_own(path, identity), passphrase)
        _check_issuer(file, keyring)
        return open_with(file, keyring.identities)
    except BaseException:
        file.close()
        raise


def _check_issuer(file: KeyFile, keyring: Keyring) -> None:
    """Where the identity file tells who signed the key, it is who did."""
    if keyring.signer is not None and public_of(keyring.signer) != file.manifest.issuer:
        raise InputError(f"{file.path}: the key was signed by another than whose identity this is; do not trust it")


def is_encrypted(path: Path) -> bool:
    """Whether a key is; early ones were not.

    Raises:
        InputError: it is missing, no key, or damaged.
    """
    with reading(path) as database:
        return read_version(database) not in PLAIN


def own_identity(path: Path) -> Path:
    """Where 'miad attack' writes the identity of a key."""
    return path.with_suffix(".identity")


def _own(path: Path, identity: KeyringSource | None) -> KeyringSource:
    if identity is None and not own_identity(path).is_file():
        raise InputError(
            f"{path} is encrypted: expected its identity beside it ({own_identity(path).name}), found none; give "
            "its identity, or your own with the grant that you were given"
        )
    return own_identity(path) if identity is None else identity


def _granted(
    file: KeyFile,
    source: str | Path | Grant,
    identity: KeyringSource | None,
    passphrase: Passphrase | None,
    today: date | None,
) -> Sequence[Identity]:
    grant = source if isinstance(source, Grant) else read_grant(Path(source))
    grant.check_fits(file.path, file.manifest)
    grant.check_date(today)
    return grant.open(identity, passphrase).identities


def open_with(file: KeyFile, identities: Sequence[Identity]) -> Key:
    """Open the parts of a key that these identities are of.

    Raises:
        InputError: there is none.
    """
    manifest = file.manifest
    own = {identity.recipient: identity for identity in identities}
    parts = tuple(name for name, part in sorted(manifest.parts.items()) if part.recipient in own)
    if not parts:
        raise InputError(
            f"{file.path}: this identity does not open the key; give the key's own, or the grant that was made for it "
            "as well"
        )
    chosen = tuple(own[manifest.parts[name].recipient] for name in parts)
    openers = [identity.opener for identity in chosen]
    covered = frozenset().union(*(manifest.members(name) for name in parts))
    records = _Opened(file, covered, lambda marked: _open_record(file, marked, openers))
    kept = lru_cache(_KEPT)(lambda digest: _open_rendering(file, digest, openers))
    renderings = _Opened(file, frozenset(manifest.renderings), kept)
    signed, others = (manifest.issuer, manifest.signature), frozenset(manifest.records) - covered
    return Key.of(file.path, records, renderings, parts, chosen, signed=signed, others=others)


def _open_plain(path: Path, *, given: bool) -> Key:
    if given:
        raise InputError(
            f"{path}: expected an encrypted key for this identity or grant, found an early one, which is "
            "neither encrypted nor signed; take it only from someone you trust, without identity and grant and "
            f"with no {own_identity(path).name} beside it"
        )
    plain = read_plain(path)
    return Key.of(path, *plain, (WHOLE,), encrypted=False, signed=("", plain_digest(*plain)))


def _open_record(file: KeyFile, marked: str, openers: Sequence[object]) -> Record:
    record = Record.from_bytes(_unsealed(file, file.record(marked), openers))
    if record.marked != marked:
        raise InputError(f"{file.path}: the key is damaged: a record stands where another image's belongs")
    return record


def _open_rendering(file: KeyFile, digest: str, openers: Sequence[object]) -> Rendering:
    rendering = unpack_rendering(_unsealed(file, file.rendering(digest), openers))
    if rendering_digest(rendering) != digest:
        raise InputError(f"{file.path}: the key is damaged: a rendering stands where another belongs")
    return rendering


def _unsealed(file: KeyFile, blob: bytes, openers: Sequence[object]) -> bytes:
    try:
        return unseal(blob, openers)
    except (WrongIdentityError, DamagedError):
        raise InputError(f"{file.path}: the key is damaged: what was sealed does not open; get it again") from None


def open_whole(file: KeyFile, identity: Identity | None) -> Key:
    """Open a key as its issuer.

    Raises:
        InputError: this is not its own identity.
    """
    if identity is None or identity.recipient != file.manifest.recipient:
        raise InputError(f"{file.path}: expected the key's own identity, found another")
    return open_with(file, [identity])


def part_identity(key: Key, manifest: Manifest, name: str) -> Identity:
    """The identity of a part, for who has that of the whole.

    Raises:
        InputError: the key is damaged.
    """
    if name == WHOLE:
        return key.identities[0]
    part = manifest.parts[name]
    try:
        identity = Identity.parse(unseal(part.identity, [key.identities[0].opener]).decode())
    except (InputError, UnicodeDecodeError):
        raise InputError(f"{key.path}: the key is damaged: the identity of its part {name!r} does not open") from None
    if identity.recipient != part.recipient:
        raise InputError(f"{key.path}: the key is damaged: the identity of its part {name!r} is another's")
    return identity


def read_manifest_of(path: Path) -> Manifest:
    """What a key says openly.

    Raises:
        InputError: it is damaged, or not encrypted.
    """
    with closing(KeyFile(path)) as file:
        return file.manifest
