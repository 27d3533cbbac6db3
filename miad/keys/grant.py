"""A grant: what opens a key, or some of its parts, encrypted to its users.

A grant is text. The first lines say openly what it is for, and are signed by the key's issuer together with the rest;
the rest is an armored age file, which age itself opens too. It holds the identities of the parts; of an owner's grant
also the private key of the issuer's signature, so that its users can make further grants.

A grant can not be taken back: who has opened one keeps what it opened. An end date is kept by honest software, this one
for example, and by nothing else.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from miad.errors import InputError
from miad.keys.issuer import Issuer
from miad.keys.keyring import KeyringSource, read_keyring
from miad.keys.kind import found_at
from miad.keys.manifest import Manifest
from miad.keys.passphrase import Passphrase, open_with_passphrase, seal_with_passphrase
from miad.keys.printable import check_printable
from miad.keys.sealing import DamagedError, Identity, WrongIdentityError, unseal
from miad.keys.secret_file import read_small, write_new
from miad.keys.signature import is_signed, signer_from_pem
from miad.keys.user import User, seal_to_users

_VERSION = 1
_TITLE = b"miad grant "
_HINT = "'miad keys grant' makes one"


@dataclass(frozen=True, repr=False)
class Access:
    """What was in a grant.

    Args:
        identities: of the parts.
        signer: the issuer's, of an owner's grant.
    """

    identities: tuple[Identity, ...]
    signer: Ed25519PrivateKey | None = None

    def __repr__(self) -> str:
        return f"<Access to {len(self.identities)} parts>"


@dataclass(frozen=True)
class Grant:
    """A grant, closed.

    Args:
        key: recipient of the key as a whole, which names it.
        issuer: public key of the signature, hex.
        parts: recipients of the parts that it opens, by name.
        images: how many images they hold; None when it was made before them.
        users: whom it is for; nobody means whoever has the passphrase.
        issued: when.
        expires: last day on which it opens; None for no end.
        owner: whether its users may make grants, too.
        body: what is encrypted.
        signature: of the issuer, hex.
    """

    key: str
    issuer: str
    parts: Mapping[str, str]
    images: int | None
    users: tuple[User, ...]
    issued: date
    expires: date | None
    owner: bool
    body: bytes = field(repr=False)
    signature: str = ""
    path: Path | None = None

    def check_date(self, today: date | None = None) -> None:
        """It has not expired.

        Raises:
            InputError: it has.
        """
        if self.expires is not None and (today or datetime.now(UTC).date()) > self.expires:
            raise InputError(f"{self._name}: the grant expired on {self.expires}; ask who issued it for a new one")

    def check_fits(self, path: Path, manifest: Manifest) -> None:
        """It belongs to a key.

        Raises:
            InputError: it belongs to another, or to a later state of it.
        """
        if self.key != manifest.recipient:
            raise InputError(f"{self._name}: the grant belongs to another key than {path}; it is for {self.key}")
        if self.issuer != manifest.issuer:
            raise InputError(f"{self._name}: the grant and {path} were signed by different issuers; trust neither")
        if not any(
            name in manifest.parts and manifest.parts[name].recipient == own for name, own in self.parts.items()
        ):
            names = ", ".join(sorted(self.parts))
            raise InputError(f"{self._name}: {path} is older than the grant and has no part {names}; get the key again")

    def open(self, identity: KeyringSource | None, passphrase: Passphrase | None = None) -> Access:
        """Decrypt it.

        Args:
            identity: a user's private key; None for a grant that a passphrase opens.
            passphrase: opens such a grant, or an identity file that is encrypted by one.

        Raises:
            InputError: it was made for others, the passphrase is wrong, or it is damaged.
        """
        if not self.users:
            return _unpack(open_with_passphrase(self.body, passphrase, self._name))
        if identity is None:
            raise InputError(f"{self._name}: expected identity, the private key of {self.for_whom}, found none")
        try:
            return _unpack(unseal(self.body, read_keyring(identity, passphrase).openers))
        except WrongIdentityError:
            raise InputError(
                f"{self._name}: this identity does not open the grant; it is for {self.for_whom}"
            ) from None
        except DamagedError:
            raise InputError(f"{self._name}: the grant is damaged; get it again from who issued it") from None

    @property
    def for_whom(self) -> str:
        """Names of its users."""
        return ", ".join(user.name for user in self.users) or "whoever has the passphrase"

    @property
    def _name(self) -> str:
        return "grant" if self.path is None else str(self.path)

    def to_bytes(self) -> bytes:
        """As it is stored."""
        return self.to_sign() + self.signature.encode() + b"\n" + self.body

    def to_sign(self) -> bytes:
        """What is said openly."""
        fields = {
            "key": self.key,
            "issuer": self.issuer,
            "parts": dict(self.parts),
            "images": self.images,
            "users": [{"name": user.name, "key": user.key} for user in self.users],
            "issued": self.issued.isoformat(),
            "expires": self.expires and self.expires.isoformat(),
            "owner": self.owner,
        }
        return _TITLE + f"{_VERSION}\n{json.dumps(fields, sort_keys=True)}\n".encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Inverse of `to_bytes`; the signature is checked.

        Raises:
            InputError: it is damaged, of a later version, or not as its issuer signed it.
        """
        data = data.replace(b"\r\n", b"\n")  # as mail may deliver it
        title, header, signature, body = [*data.split(b"\n", 3), b"", b"", b""][:4]
        if not title.startswith(_TITLE):
            raise InputError(f"expected a grant, found another file; {_HINT}")
        if title != _TITLE + str(_VERSION).encode():
            raise InputError(f"expected a grant of version {_VERSION}, found {title[len(_TITLE) :][:9]!r}; update miad")
        try:
            grant = cls(**_parse(json.loads(header)), body=body, signature=signature.decode("ascii"))
            sound = grant.to_bytes() == data and is_signed(grant.issuer, grant.signature, _signed(grant))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            sound = False
        if not sound:
            raise InputError("the grant is damaged, or was changed by others; get it again from who issued it")
        return grant


def make_grant(
    issuer: Issuer,
    identities: Mapping[str, Identity],
    users: Sequence[User],
    passphrase: str | None = None,
    images: int | None = None,
    expires: date | None = None,
    owner: bool = False,
) -> Grant:
    """Grant access to parts of a key.

    Args:
        issuer: of the key.
        identities: of the parts, by name.
        users: whom to give access; none of them with a passphrase.
        passphrase: opens the grant.
        images: how many images the parts hold.
        expires: last day on which it opens.
        owner: let the users make grants, too.

    Raises:
        InputError: there are users and a passphrase, or neither; or the last day is over.
    """
    today = datetime.now(UTC).date()
    if bool(users) == bool(passphrase):
        raise InputError("expected users or a passphrase, and not both (age does not mix them)")
    check_last_day(expires)
    secret: dict[str, Any] = {"identities": [identity.reveal() for identity in identities.values()]}
    if owner:
        secret["signer"] = issuer.pem()
    plain = json.dumps(secret).encode()
    body = seal_to_users(plain, users) if passphrase is None else seal_with_passphrase(plain, passphrase)
    parts = {name: identity.recipient for name, identity in identities.items()}
    grant = Grant(issuer.recipient, issuer.public, parts, images, tuple(users), today, expires, owner, body)
    return Grant(**{**vars(grant), "signature": issuer.sign(_signed(grant))})


def check_last_day(expires: date | None) -> None:
    """A grant may end on this day.

    Raises:
        InputError: it is over.
    """
    if expires is not None and expires < datetime.now(UTC).date():
        raise InputError(f"expected a last day that is not over, found {expires}")


def write_grant(path: Path, grant: Grant) -> None:
    """Write a grant.

    Raises:
        InputError: there is such a file already; it may be the only one that opens its key.
        RunError: the folder can not be written.
    """
    write_new(path, grant.to_bytes())


def read_grant(path: Path) -> Grant:
    """Read a grant, and check that it is as its issuer signed it.

    Raises:
        InputError: it is missing, no grant, damaged, or of a later version.
    """
    data = read_small(path, "a grant", _HINT)
    if not data.startswith(_TITLE):
        raise InputError(f"{path}: expected a grant, found {found_at(path, 'another file')}; {_HINT}")
    try:
        grant = Grant.from_bytes(data)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return Grant(**{**vars(grant), "path": path})


def _signed(grant: Grant) -> bytes:
    return grant.to_sign() + grant.body


def _parse(fields: dict[str, Any]) -> dict[str, Any]:
    expires = fields["expires"]
    people = [text for user in fields["users"] for text in (user["name"], user["key"])]
    check_printable(fields["key"], *fields["parts"], *fields["parts"].values(), *people)
    return fields | {
        "parts": {str(name): str(recipient) for name, recipient in fields["parts"].items()},
        "users": tuple(User(str(user["name"]), str(user["key"])) for user in fields["users"]),
        "issued": date.fromisoformat(fields["issued"]),
        "expires": None if expires is None else date.fromisoformat(expires),
    }


def _unpack(data: bytes) -> Access:
    try:
        fields = json.loads(data)
        signer = signer_from_pem(fields["signer"]) if "signer" in fields else None
        return Access(tuple(Identity.parse(text) for text in fields["identities"]), signer)
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InputError("expected a grant's identities, found other things in it; get it again") from None
