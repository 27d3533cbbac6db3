"""Passphrases: asked on the terminal, or read from a file; never an argument, which others on a machine can see."""

import sys
from collections.abc import Callable
from getpass import getpass
from pathlib import Path

from miad.errors import InputError
from miad.keys import read_small


def passphrase_of(file: Path | None) -> Callable[[str], str]:
    """What gives a passphrase when it is needed.

    Args:
        file: a file whose first line it is; None asks on the terminal.
    """
    return _ask if file is None else lambda _: _read(file)


def new_passphrase(file: Path | None, name: str) -> str:
    """A passphrase for something new, asked for twice.

    Raises:
        InputError: the two differ, or it is empty.
    """
    passphrase = _ask(name) if file is None else _read(file)
    if file is None and passphrase != getpass("Once more: "):
        raise InputError("expected the same passphrase twice, found two; start again")
    if not passphrase:
        raise InputError(f"{name}: expected a passphrase, found an empty one")
    return passphrase


def _ask(name: str) -> str:
    if not sys.stdin.isatty():
        raise InputError(f"{name}: expected a terminal to ask for the passphrase, found none; give it in a file")
    return getpass(f"Passphrase of {name}: ")


def _read(file: Path) -> str:
    try:
        text = read_small(file, "a file with a passphrase", "its first line is taken").decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{file}: expected a file with a passphrase, found other data") from None
    return text.splitlines()[0] if text.splitlines() else ""
