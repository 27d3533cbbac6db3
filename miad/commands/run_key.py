"""Who signs a run's key, and who can open it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from miad.commands.words import split_words
from miad.errors import InputError, RunError
from miad.keys import (
    WHOLE,
    Issuer,
    User,
    make_grant,
    read_grant,
    read_issuer,
    read_signer,
    read_users,
    write_grant,
    write_issuer,
    write_signer,
)

_SIGNER = "signer"
"""File in a run's journal, which is removed with it: what signs the key at the run's end."""


@dataclass(frozen=True)
class KeyOptions:
    """Who can open the run's key.

    Args:
        to: files of public keys of age or ssh, or the keys themselves, separated by commas. Only these people can open
            the key, by NAME.miadgrant, and issue further grants; nothing that opens it is ever kept on this machine. By
            default NAME.identity opens it, which is written beside it.
    """

    to: str = ""

    def users(self) -> list[User]:
        """The people.

        Raises:
            InputError: one is no public key.
        """
        return [user for source in split_words(self.to) for user in read_users(source)]


DEFAULT_KEY = KeyOptions()


def begin_key(folder: Path, name: str, users: Sequence[User]) -> Issuer:
    """The issuer of a run's key, made at the run's beginning or taken up again.

    Args:
        folder: the run's folder.
        name: of the run.
        users: who alone can open the key; nobody leaves its identity beside the key.

    Raises:
        InputError: what an interrupted run left is damaged.
        RunError: the folder can not be written.
    """
    return _begin_for(folder, name, users) if users else _begin(folder / f"{name}.identity")


def _begin(path: Path) -> Issuer:
    if not path.exists():
        if any((path.parent / "journal").glob("*.sqlite")):
            raise RunError(
                f"{path}: expected the identity that this run began with, found none; put it back, or delete the run's "
                "folder to begin again"
            )
        write_issuer(path, Issuer.generate())
    return read_issuer(path)


def _begin_for(folder: Path, name: str, users: Sequence[User]) -> Issuer:
    """Encrypt the identity to its users at once and forget it; the signature's key is kept until the key is signed."""
    signer, path = folder / "journal" / _SIGNER, folder / f"{name}.miadgrant"
    if not signer.exists():
        issuer = Issuer.generate()
        assert issuer.identity is not None
        path.unlink(missing_ok=True)  # of a run that was killed before this one's first record
        write_grant(path, make_grant(issuer, {WHOLE: issuer.identity}, users, owner=True))
        write_signer(signer, issuer)  # last: before it is there, nothing was sealed to this issuer
        return replace(issuer, identity=None)
    grant = read_grant(path)
    issuer = Issuer(grant.key, read_signer(signer))
    if issuer.public != grant.issuer:
        raise InputError(f"{path}: expected the grant of this run, found another's; delete the run's folder")
    return issuer
