"""Who may change a key and grant access to it: who holds its identity file, or an owner's grant."""

from pathlib import Path

from miad.errors import InputError
from miad.keys.grant import read_grant
from miad.keys.issuer import Issuer, read_issuer
from miad.keys.key import own_identity
from miad.keys.keyring import KeyringSource
from miad.keys.manifest import WHOLE
from miad.keys.passphrase import Passphrase


def open_issuer(
    key: Path,
    identity: KeyringSource | None = None,
    grant: Path | None = None,
    passphrase: Passphrase | None = None,
) -> Issuer:
    """The issuer of a key.

    Args:
        key: the key file.
        identity: the key's own identity file; by default the one beside it. With a grant, the user's private key.
        grant: an owner's grant.
        passphrase: opens a grant that was made for one, or an identity file that is encrypted by one.

    Raises:
        InputError: a file is missing or not what it should be, or the grant is not an owner's or has expired.
    """
    if grant is None:
        return read_issuer(own_identity(key) if identity is None else identity, passphrase)
    closed = read_grant(grant)
    closed.check_date()
    access = closed.open(identity, passphrase)
    whole = [own for own in access.identities if own.recipient == closed.parts.get(WHOLE)]
    if access.signer is None or not whole:
        raise InputError(f"{grant}: expected an owner's grant, found one that lets its users restore images only")
    return Issuer(closed.key, access.signer, whole[0])
