"""What was given in the place of another file, as messages tell it; never what is in it."""

from pathlib import Path

from miad.errors import InputError
from miad.imaging import image_size

A_KEY = "a key of miad"
A_GRANT = "a grant"
AN_IDENTITY = "an identity, which is a private key"
A_PUBLIC_KEY = "a public key"

_HEAD = 1 << 16
"""Bytes that are looked at; a private key may stand behind comments."""
_SQLITE = b"SQLite format 3\0"
_GRANT = b"miad grant "
_PRIVATE = (b"secret-key-1", b"private key-----")
_SEALED = (b"age-encryption.org/v1", b"-----begin age encrypted file-----")
_PUBLIC = (b"age1", b"ssh-")


def found_at(path: Path, otherwise: str) -> str:
    """What stands at a path: a run's folder, a key, a grant, an identity, a public key, an image.

    Args:
        path: a file or a folder.
        otherwise: what to call anything else.
    """
    if path.is_dir():
        return "a run's folder" if (path / "config.yaml").is_file() else "a folder"
    if not path.is_file():  # a pipe would have to be waited for
        return otherwise
    try:
        with path.open("rb") as file:
            return _found_in(file.read(_HEAD)) or _image(path) or otherwise
    except OSError:
        return otherwise


def key_instead(path: Path) -> str:
    """Which key to give instead of what stands at a path, where one is expected."""
    inside = sorted(path.glob("*.miadkey")) if path.is_dir() else []
    beside = path.with_suffix(".miadkey")
    if inside:
        return f"give the key in it, {inside[0]}"
    if path.is_file() and beside != path and beside.is_file():
        return f"give the key beside it, {beside}"
    return "give the key, NAME.miadkey in the folder of an attack"


def _found_in(head: bytes) -> str:
    small = head.lower()
    lines = [line.strip() for line in small.splitlines()]
    first = next((line for line in lines if line and not line.startswith(b"#")), b"")
    if head.startswith(_SQLITE):
        return A_KEY
    if head.startswith(_GRANT):
        return A_GRANT
    if small.startswith(_SEALED):
        return "a file that age encrypted, perhaps an identity with a passphrase"
    if any(sign in small for sign in _PRIVATE):
        return AN_IDENTITY
    return A_PUBLIC_KEY if first.startswith(_PUBLIC) else ""


def _image(path: Path) -> str:
    try:
        image_size(path)
    except InputError:
        return ""
    return "an image"
