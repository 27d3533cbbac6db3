"""A user's private keys, as age-keygen, ssh-keygen or miad write them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pyrage
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pyrage import ssh

from miad.errors import InputError
from miad.keys.kind import A_PUBLIC_KEY, AN_IDENTITY, found_at
from miad.keys.passphrase import Passphrase, open_with_passphrase
from miad.keys.sealing import Identity
from miad.keys.secret_file import read_small
from miad.keys.signature import signer_from_pem

_HINT = "'miad keys new' or age-keygen make one"
_SEALED = (b"age-encryption.org/v1", b"-----BEGIN AGE ENCRYPTED FILE-----")
"""How age files begin."""
_SSH = ("-----BEGIN OPENSSH PRIVATE KEY-----", "-----BEGIN RSA PRIVATE KEY-----")


@dataclass(frozen=True, repr=False)
class Keyring:
    """Private keys that may open something.

    Args:
        identities: age's own.
        others: ssh keys, as age's objects.
        signer: private key of an issuer's signature.
    """

    identities: tuple[Identity, ...]
    others: tuple[Any, ...] = ()
    signer: Ed25519PrivateKey | None = None

    @property
    def openers(self) -> list[Any]:
        """As `unseal` takes them."""
        return [identity.opener for identity in self.identities] + list(self.others)

    def __repr__(self) -> str:
        return f"<Keyring of {len(self.identities) + len(self.others)} private keys>"


KeyringSource: TypeAlias = str | Path | Identity | Keyring
"""A file of private keys, or the keys themselves."""


def read_keyring(source: KeyringSource, passphrase: Passphrase | None = None) -> Keyring:
    """Read an identity file.

    Args:
        source: a file as age-keygen or miad writes it (comments and one identity a line, the whole perhaps encrypted by
            a passphrase), or an ssh private key (ed25519 or RSA, without a passphrase); or keys that were read already.
        passphrase: asked for where the file is encrypted by one.

    Raises:
        InputError: it is missing or no identity file. The message never repeats what is in it.
    """
    if isinstance(source, Keyring):
        return source
    if isinstance(source, Identity):
        return Keyring((source,))
    path = Path(source)
    data = read_small(path, "an identity file", _HINT)
    if data.startswith(_SEALED):
        data = open_with_passphrase(data, passphrase, str(path))
    elif (found := found_at(path, AN_IDENTITY)) not in (AN_IDENTITY, A_PUBLIC_KEY):
        raise InputError(f"{path}: expected an identity file, found {found}; {_HINT}")
    try:
        return _parse(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError(f"{path}: expected an identity file, found other data; {_HINT}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _parse(text: str) -> Keyring:
    if text.lstrip().startswith(_SSH):
        return Keyring((), (_read_ssh(text.strip() + "\n"),))
    text, pem = _without_pem(text)
    lines = [line.strip() for line in text.splitlines()]
    return _keyring([line for line in lines if line and not line.startswith("#")], pem)


def _without_pem(text: str) -> tuple[str, str]:
    before, begin, rest = text.partition("-----BEGIN PRIVATE KEY-----")
    body, end, after = rest.partition("-----END PRIVATE KEY-----")
    if bool(begin) != bool(end):
        raise InputError("expected an identity file, found one cut short")
    return before + after, f"{begin}{body}{end}\n" if begin else ""


def _keyring(lines: Sequence[str], pem: str) -> Keyring:
    if not lines:
        raise InputError(f"expected an identity file, found no identity in it; {_HINT}")
    if any(line.startswith(("age1", "ssh-")) for line in lines):
        raise InputError("expected a private key, found a public one; give the other file of the two")
    if any(line.startswith("AGE-PLUGIN-") for line in lines):
        raise InputError(
            "expected an age identity (AGE-SECRET-KEY-1...), found one of a plugin, which miad can not use"
        )
    return Keyring(tuple(Identity.parse(line) for line in lines), (), signer_from_pem(pem) if pem else None)


def _read_ssh(text: str) -> ssh.Identity:
    try:
        return ssh.Identity.from_buffer(text.encode())
    except pyrage.IdentityError as error:
        if "must be decrypted" in str(error):
            raise InputError(
                "this ssh key has a passphrase, which miad can not take off; give an age identity, or a copy of the "
                "key without ('ssh-keygen -p')"
            ) from None
        raise InputError("expected an ssh key of ed25519 or RSA, found another or a damaged one") from None
