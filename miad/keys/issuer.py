"""Who makes keys: signs them, and may give others access."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from miad.errors import InputError
from miad.keys.keyring import Keyring, KeyringSource, read_keyring
from miad.keys.passphrase import Passphrase, seal_with_passphrase
from miad.keys.sealing import Identity
from miad.keys.secret_file import read_small, write_secret
from miad.keys.signature import public_of, signer_from_pem


@dataclass(frozen=True, repr=False)
class Issuer:
    """Makes a key, and signs it (Ed25519).

    Args:
        recipient: whom records are sealed to: the key's own identity.
        signer: private key of the signature.
        identity: the key's own identity; None where only those whom it was given can open the key.
    """

    recipient: str
    signer: Ed25519PrivateKey
    identity: Identity | None = None

    @classmethod
    def generate(cls) -> Self:
        """A new one, for one key."""
        identity = Identity.generate()
        return cls(identity.recipient, Ed25519PrivateKey.generate(), identity)

    @classmethod
    def from_keyring(cls, keyring: Keyring) -> Self:
        """From an identity file's parts.

        Raises:
            InputError: it is not an issuer's.
        """
        if len(keyring.identities) != 1 or keyring.signer is None:
            raise InputError(
                "expected the identity file that was written with the key (NAME.identity), which signs, found another "
                "identity file"
            )
        identity = keyring.identities[0]
        return cls(identity.recipient, keyring.signer, identity)

    @property
    def public(self) -> str:
        """The public key of the signature, in hex."""
        return public_of(self.signer)

    def sign(self, data: bytes) -> str:
        """The signature, in hex."""
        return self.signer.sign(data).hex()

    def pem(self) -> str:
        """The private key of the signature; whoever reads it can sign keys in the issuer's name."""
        return self.signer.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()

    def keyring(self) -> Keyring:
        """As it would be read from its identity file."""
        return Keyring(() if self.identity is None else (self.identity,), (), self.signer)

    def __repr__(self) -> str:
        return f"<Issuer {self.public[:16]} of {self.recipient}>"


def write_issuer(path: Path, issuer: Issuer) -> None:
    """Write an issuer's identity file, of mode 0600: an age identity file with the private key of the signature.

    Raises:
        InputError: there is such a file already.
        RunError: the folder can not be written.
    """
    assert issuer.identity is not None
    write_secret(
        path,
        f"# created: {datetime.now(UTC).isoformat(timespec='seconds')}\n"
        "# keep it secret: it opens the key beside it, and grants others access to the originals\n"
        f"# public key: {issuer.recipient}\n{issuer.identity.reveal()}\n{issuer.pem()}",
    )


def read_issuer(source: KeyringSource, passphrase: Passphrase | None = None) -> Issuer:
    """Read an issuer's identity file.

    Raises:
        InputError: it is missing, damaged, or not an issuer's.
    """
    keyring = read_keyring(source, passphrase)
    try:
        return Issuer.from_keyring(keyring)
    except InputError as error:
        raise InputError(f"{source}: {error}" if isinstance(source, (str, Path)) else str(error)) from None


def write_signer(path: Path, issuer: Issuer) -> None:
    """Write what signs a key, and can not open it, of mode 0600.

    Raises:
        InputError: there is such a file already.
        RunError: the folder can not be written.
    """
    write_secret(path, issuer.pem())


def read_signer(path: Path) -> Ed25519PrivateKey:
    """Read what `write_signer` wrote.

    Raises:
        InputError: it is missing or damaged.
    """
    text = read_small(path, "what signs the key", "delete the run's folder").decode("utf-8", "replace")
    try:
        return signer_from_pem(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def write_identity(path: Path, identity: Identity, passphrase: str | None = None) -> None:
    """Write a user's identity file, of mode 0600, as age-keygen does, or encrypted by a passphrase (``age -p``).

    Raises:
        InputError: there is such a file already.
        RunError: the folder can not be written.
    """
    created = datetime.now(UTC).isoformat(timespec="seconds")
    text = f"# created: {created}\n# public key: {identity.recipient}\n{identity.reveal()}\n"
    write_secret(path, text if passphrase is None else seal_with_passphrase(text.encode(), passphrase).decode())
