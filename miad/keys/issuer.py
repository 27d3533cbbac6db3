"""Who makes keys: signs them, and may give others access."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from miad.errors import InputError
from miad.keys.keyring import Keyring, KeyringSource, read_keyring
from miad.keys.passphrase import Passphrase, seal_with_passphrase
from miad.keys.sealing import Identity
from miad.keys.secret_file import read_small, write_secret


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
        if len(keyring.identities) != 1 or not keyring.pem:
            raise InputError(
                "expected the identity file that was written with the key (NAME.identity), which signs, found another "
                "identity file"
            )
        identity = keyring.identities[0]
        return cls(identity.recipient, signer_from_pem(keyring.pem), identity)

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
        return Keyring(() if self.identity is None else (self.identity,), (), self.pem())

    def __repr__(self) -> str:
        return f"<Issuer {self.public[:16]} of {self.recipient}>"


def public_of(signer: Ed25519PrivateKey) -> str:
    """The public key of a signature, in hex."""
    return signer.public_key().public_bytes_raw().hex()


def signer_from_pem(text: str) -> Ed25519PrivateKey:
    """Read the private key of a signature.

    Raises:
        InputError: it is none of Ed25519; the message does not repeat it.
    """
    try:
        signer = load_pem_private_key(text.encode(), None)
    except Exception:  # whatever is wrong with it, the message must not repeat it
        raise InputError("expected the private key of a signature, found a damaged one") from None
    if not isinstance(signer, Ed25519PrivateKey):
        raise InputError("expected the private key of an Ed25519 signature, found another kind")
    return signer


def is_signed(public: str, signature: str, data: bytes) -> bool:
    """Whether a signature (hex) of these data is that of an issuer (hex)."""
    if signature != signature.lower():
        return False  # one signature has one spelling
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), data)
    except (InvalidSignature, ValueError):
        return False
    return True


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
    try:
        return Issuer.from_keyring(read_keyring(source, passphrase))
    except InputError as error:
        name = f"{source}: " if isinstance(source, (str, Path)) else ""
        raise InputError(name + str(error).removeprefix(name)) from None


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
