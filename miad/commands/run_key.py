"""Who signs a run's key, and who can open it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from miad.commands.words import split_words
from miad.errors import InputError, RunError
from miad.imaging import atomic_path
from miad.keys import (
    WHOLE,
    Issuer,
    User,
    make_grant,
    read_grant,
    read_issuer,
    read_signer,
    read_small,
    read_users,
    write_grant,
    write_issuer,
    write_signer,
)

_SIGNER = "signer"
"""File in a run's journal, which is removed with it: what signs the key at the run's end."""
_RECIPIENT = "recipient"
"""Another: whom its records are sealed to, written before the first of them."""


@dataclass(frozen=True)
class KeyOptions:
    """Who can open the run's key.

    Args:
        to: files of public keys of age or ssh, or the keys themselves, separated by commas. Only these people can open
            the key, by NAME.miadgrant, and issue further grants; nothing that opens it is ever kept on this machine.
            But attack.csv in the same folder has x, y, alpha and variant, with which a known logo without texture is
            taken off approximately. By default NAME.identity opens the key, which is written beside it.
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
        RunError: the folder can not be written, or what the run's records are sealed to is gone or another's.
    """
    journal = folder / "journal"
    started = any(journal.glob("*.sqlite"))
    path = folder / f"{name}.miadgrant" if users else folder / f"{name}.identity"
    issuer = _begin_for(path, journal / _SIGNER, users, started) if users else _begin(path, started)
    if started:
        _check_recipient(journal / _RECIPIENT, issuer, path)
    else:
        _write_recipient(journal / _RECIPIENT, issuer)
    return issuer


def _begin(path: Path, started: bool) -> Issuer:
    if not path.exists():
        _refuse_another(path, "the identity", started)
        write_issuer(path, Issuer.generate())
    return read_issuer(path)


def _begin_for(path: Path, signer: Path, users: Sequence[User], started: bool) -> Issuer:
    """Encrypt the identity to its users at once and forget it; the signature's key is kept until the key is signed."""
    if not signer.exists():
        _refuse_another(signer, "what signs the key", started)
        issuer = Issuer.generate()
        assert issuer.identity is not None
        path.unlink(missing_ok=True)  # of a run that was killed before its first record
        write_grant(path, make_grant(issuer, {WHOLE: issuer.identity}, users, owner=True))
        write_signer(signer, issuer)  # last: before it is there, nothing was sealed to this issuer
        return replace(issuer, identity=None)
    grant = read_grant(path)
    issuer = Issuer(grant.key, read_signer(signer))
    if issuer.public != grant.issuer:
        raise InputError(f"{path}: expected the grant of this run, found another's; delete the run's folder")
    return issuer


def _refuse_another(path: Path, what: str, started: bool) -> None:
    """What is sealed already would be lost to another issuer."""
    if started:
        raise RunError(
            f"{path}: expected {what} that this run began with, found none; put it back, or delete the run's folder to "
            "begin again"
        )


def _write_recipient(path: Path, issuer: Issuer) -> None:
    with atomic_path(path) as draft:
        draft.write_text(f"{issuer.recipient}\n", encoding="utf-8")


def _check_recipient(path: Path, issuer: Issuer, source: Path) -> None:
    """The journal's records are sealed to this issuer."""
    known = read_small(path, "whom the records are sealed to", "delete the run's folder to begin again")
    if known.decode("utf-8", "replace").strip() != issuer.recipient:
        raise RunError(
            f"{source}: expected what this run began with, found another run's; put its own back, or delete the run's "
            "folder to begin again"
        )
