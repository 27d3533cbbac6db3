"""Users by their public keys: whom something can be sealed to."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyrage
from pyrage import ssh, x25519

from miad.errors import InputError
from miad.keys.secret_file import read_small

_HINT = "give a public key of age (age1...) or ssh (ssh-ed25519, ssh-rsa), or a file of them"


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
            raise InputError(f"expected a public key, found {self.key[:40]!r}; {_HINT}") from None


def seal_to_users(data: bytes, users: Sequence[User]) -> bytes:
    """Encrypt to users, as an armored age file."""
    return bytes(pyrage.encrypt(data, [user.recipient for user in users], armored=True))


def read_users(source: str) -> list[User]:
    """Users of a public key, or of a file of public keys, one a line, with comments as age and ssh have them.

    Raises:
        InputError: there is no such file, or it holds something else; a private key is not repeated in the message.
    """
    if source.startswith(("age1", "ssh-")):
        return [_user(source, "")]
    path = Path(source)
    try:
        text = read_small(path, "a file of public keys", _HINT).decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected a file of public keys, found other data; {_HINT}") from None
    if "SECRET-KEY" in text or "PRIVATE KEY" in text:
        raise InputError(f"{path}: expected public keys, found a private one; give the file that ends in .pub")
    lines = [line.strip() for line in text.splitlines()]
    users = [_user(line, path.stem) for line in lines if line and not line.startswith("#")]
    if not users:
        raise InputError(f"{path}: expected a file of public keys, found none in it; {_HINT}")
    return users


def _user(line: str, name: str) -> User:
    """One line; an ssh key's comment is not part of the key."""
    words = line.split()
    key = " ".join(words[: 1 if line.startswith("age1") else 2])
    user = User(name or (words[2] if len(words) > 2 else key[:24]), key)
    _ = user.recipient  # so that a wrong key is told before anything is written
    return user
