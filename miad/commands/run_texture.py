"""The secret that a run's textures are drawn from: made once, kept while the run is not finished."""

import hashlib
import secrets
from pathlib import Path

from miad.errors import InputError, RunError
from miad.keys import read_small, write_secret
from miad.watermark import TextureOptions

_BYTES = 32
_NAME = "texture"
"""File in a run's journal, which is removed with it; the key then holds what each image's own texture needs."""


def begin_texture(folder: Path, options: TextureOptions) -> bytes:
    """The secret of a run, made at its beginning or taken up again; empty where there is no texture.

    Args:
        folder: the run's folder.
        options: the texture.

    Raises:
        InputError: what an interrupted run left is damaged.
        RunError: the folder can not be written, or the secret that the run began with is gone.
    """
    if not options.enabled:
        return b""
    if options.insecure_secret:
        return hashlib.sha256(options.insecure_secret.encode()).digest()
    path = folder / "journal" / _NAME
    if not path.exists():
        if any(path.parent.glob("*.sqlite")):
            raise RunError(
                f"{path}: expected the secret of the textures that this run began with, found none; put it back, or "
                "delete the run's folder to begin again"
            )
        write_secret(path, secrets.token_hex(_BYTES) + "\n")
    return _read(path)


def _read(path: Path) -> bytes:
    text = read_small(path, "the secret of the run's textures", "delete the run's folder to begin again")
    try:
        secret = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        secret = b""
    if len(secret) != _BYTES:
        raise InputError(
            f"{path}: expected the secret of the run's textures, found other text; delete the run's folder"
        )
    return secret
