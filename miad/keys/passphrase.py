"""What a passphrase opens (age's scrypt)."""

from collections.abc import Callable
from typing import TypeAlias

import pyrage

from miad.errors import InputError

Passphrase: TypeAlias = str | Callable[[str], str]
"""A passphrase, or what asks for one; it is given the name of what is to be opened."""

_STANZA = b"-> scrypt "
_TOO_SLOW = "Excessive work"


def take_passphrase(passphrase: Passphrase | None, name: str) -> str:
    """The passphrase itself.

    Raises:
        InputError: there is none.
    """
    if passphrase is None:
        raise InputError(f"{name}: expected a passphrase, which opens it, found none")
    text = passphrase if isinstance(passphrase, str) else passphrase(name)
    if not text:
        raise InputError(f"{name}: expected a passphrase, found an empty one")
    return text


def seal_with_passphrase(data: bytes, passphrase: str) -> bytes:
    """Encrypt by a passphrase, as an armored age file."""
    return bytes(pyrage.passphrase.encrypt(data, passphrase, armored=True))


def open_with_passphrase(data: bytes, passphrase: Passphrase | None, name: str) -> bytes:
    """Decrypt what a passphrase was put on.

    Args:
        data: an age file, armored or not.
        passphrase: the passphrase.
        name: of the data, for messages.

    Raises:
        InputError: it was sealed to private keys, the passphrase is wrong, the data are damaged, or age finds this
            machine too slow for the work that a passphrase asks for.
    """
    if not data.startswith(b"-----") and _STANZA not in data[:64]:
        raise InputError(f"{name}: expected what a passphrase opens, found what was sealed to private keys")
    text = take_passphrase(passphrase, name)
    try:
        return bytes(pyrage.passphrase.decrypt(data, text))
    except pyrage.DecryptError as error:
        if _TOO_SLOW in str(error):  # age measures the machine, which may be busy
            raise InputError(f"{name}: this machine is too slow or too busy to try a passphrase; try later") from None
        raise InputError(f"{name}: the passphrase is wrong, or the file is damaged") from None
