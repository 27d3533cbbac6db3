"""Signatures of keys and grants (Ed25519)."""

import re

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from miad.errors import InputError


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
    if not re.fullmatch("[0-9a-f]{128}", signature):
        return False  # one signature has one spelling
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signature), data)
    except (InvalidSignature, ValueError):
        return False
    return True
