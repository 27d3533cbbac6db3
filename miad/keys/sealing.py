"""Sealing: encryption by age (https://age-encryption.org/v1), and no cryptography of our own.

What is sealed is an age file. It can be opened by whoever holds the private key of one of its recipients, and it does
not open at all when a single bit of it has changed. It does not tell who sealed it; for that keys are signed.
"""

from collections.abc import Sequence
from typing import Any, Self

import pyrage
from pyrage import x25519

from miad.errors import InputError

_NO_MATCH = "No matching keys found"
"""What age says when a file is sound as far as can be told, and was not sealed to any of these private keys."""


class WrongIdentityError(InputError):
    """It was sealed to others."""


class DamagedError(InputError):
    """It is not what was sealed."""


class Identity:
    """A private X25519 key of age. It opens what was sealed to its recipient, and never shows itself.

    Args:
        opener: age's own object.
    """

    __slots__ = ("opener", "recipient")

    def __init__(self, opener: x25519.Identity) -> None:
        self.opener = opener
        self.recipient = str(opener.to_public())

    @classmethod
    def generate(cls) -> Self:
        """A new one."""
        return cls(x25519.Identity.generate())

    @classmethod
    def parse(cls, text: str) -> Self:
        """From ``AGE-SECRET-KEY-1...``.

        Raises:
            InputError: it is none; the message does not repeat it.
        """
        try:
            return cls(x25519.Identity.from_str(text))
        except pyrage.IdentityError:
            raise InputError("expected an age identity, found a damaged one") from None

    def reveal(self) -> str:
        """``AGE-SECRET-KEY-1...``; whoever reads it can open everything that was sealed to it."""
        return str(self.opener)

    def __repr__(self) -> str:
        return f"<Identity of {self.recipient}>"


def seal(data: bytes, recipients: Sequence[str]) -> bytes:
    """Encrypt to one or more X25519 recipients (``age1...``)."""
    return bytes(pyrage.encrypt(data, [x25519.Recipient.from_str(text) for text in recipients]))


def unseal(data: bytes, openers: Sequence[Any]) -> bytes:
    """Decrypt.

    Args:
        data: as `seal` or age itself made it, armored or not.
        openers: age's own private keys, of which one must fit.

    Raises:
        WrongIdentityError: none of them fits.
        DamagedError: the data are not what was sealed.
    """
    try:
        return bytes(pyrage.decrypt(data, list(openers)))
    except pyrage.DecryptError as error:
        if str(error) == _NO_MATCH:
            raise WrongIdentityError("it was sealed to others") from None
        raise DamagedError("what was sealed is damaged") from None
