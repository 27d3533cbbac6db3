"""Users by their public keys: whom something can be sealed to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
from pyrage import ssh, x25519

from miad.errors import InputError
from miad.keys.kind import A_PUBLIC_KEY, AN_IDENTITY, found_at
from miad.keys.secret_file import read_small

_HINT = "give a public key of age (age1...) or ssh (ssh-ed25519, ssh-rsa), or a file of them"
_BEGINNINGS = ("age1", "ssh-")
"""Of public keys; what begins otherwise may be a secret, and is not repeated."""


@dataclass(frozen=True)
class User:
    """Someone who holds a private key.

    Args:
        name: what to call them.
        key: the public key, ``age1...`` or ``ssh-... AAAA...``.
    """

    name: str
    key: str

    @property
    def recipient(self) -> Any:  # noqa: ANN401  (age's own types)
        """As age takes it.

        Raises:
            InputError: it is no public key.
        """
        try:
            return (x25519 if self.key.startswith("age1") else ssh).Recipient.from_str(self.key)
        except pyrage.RecipientError:
            found = repr(self.key[:40]) if self.key.startswith(_BEGINNINGS) else "something else"
            raise InputError(f"expected a public key, found {found}; {_HINT}") from None


def seal_to_users(data: bytes, users: Sequence[User]) -> bytes:
    """Encrypt to users, as an armored age file."""
    return bytes(pyrage.encrypt(data, [user.recipient for user in users], armored=True))


def read_users(source: str) -> list[User]:
    """Users of a public key, or of a file of public keys, one a line, with comments as age and ssh have them.

    Raises:
        InputError: there is no such file, or it holds something else; a private key is not repeated in the message.
    """
    if source.startswith(_BEGINNINGS):
        return [_user(source, "")]
    path = Path(source)
    data = read_small(path, "a file of public keys", _HINT)
    if (found := found_at(path, A_PUBLIC_KEY)) not in (A_PUBLIC_KEY, AN_IDENTITY):
        raise InputError(f"{path}: expected a file of public keys, found {found}; {_HINT}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected a file of public keys, found other data; {_HINT}") from None
    if any(sign in text.casefold() for sign in ("secret-key", "private key")):
        raise InputError(f"{path}: expected public keys, found a private one; give the file that ends in .pub")
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    users = [_listed(path, number, line) for number, line in lines if line and not line.startswith("#")]
    if not users:
        raise InputError(f"{path}: expected a file of public keys, found none in it; {_HINT}")
    return users


def _listed(path: Path, number: int, line: str) -> User:
    try:
        return _user(line, path.stem)
    except InputError as error:
        raise InputError(f"{path}: line {number}: {error}") from None


def _user(line: str, name: str) -> User:
    """One line; an ssh key's comment is not part of the key."""
    words = line.split()
    key = " ".join(words[: 1 if line.startswith("age1") else 2])
    user = User(name or (words[2] if len(words) > 2 else key[:24]), key)
    if not user.name.isprintable():
        raise InputError(f"expected a printable name of a user, found {user.name!r}; give the file another name")
    _ = user.recipient  # so that a wrong key is told before anything is written
    return user
