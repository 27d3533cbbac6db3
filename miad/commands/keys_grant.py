"""``miad keys grant``: let others restore images, all of a key's or some."""

import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from miad.commands.passphrase import new_passphrase, passphrase_of
from miad.commands.subset import choose_records
from miad.commands.words import split_words
from miad.errors import InputError
from miad.keys import (
    WHOLE,
    Grant,
    Identity,
    Issuer,
    User,
    add_part,
    check_last_day,
    check_new,
    identity_of,
    make_grant,
    open_issuer,
    open_key,
    read_manifest_of,
    read_users,
    write_grant,
)


def grant(
    key: Path,
    out: Path,
    to: str = "",
    to_passphrase: bool = False,
    to_passphrase_file: Path | None = None,
    subset: str = "",
    part: str = "",
    expires: str = "",
    owner: bool = False,
    identity: Path | None = None,
    grant: Path | None = None,
    passphrase_file: Path | None = None,
) -> Path:
    """Let others restore images.

    Writes a grant: what opens the key, encrypted to its users. They need the key file and the grant, and their own
    private key.

    What revocation can do, and what not: a grant can not be taken back. Who has opened it keeps what it opens, and what
    was restored stays restored. --expires is kept by honest software, and by nothing else. For new images, access ends
    when no new grant is given: every run of 'miad attack' has an identity of its own, which former grants do not open.
    Images that are out can be marked again in another run and put in place of the old ones; who kept the old ones and
    the grant can still restore those.

    Args:
        key: the key file.
        out: the grant to write, for example partner.miadgrant.
        to: its users: files of public keys of age or ssh, or the keys themselves, separated by commas.
        to_passphrase: a grant for whoever has a passphrase instead, asked for on the terminal.
        to_passphrase_file: take that passphrase from a file's first line.
        subset: only these images: a CSV with a column image, a file with a name a line, or patterns such as 'ward7/*'
            (quoted), separated by commas. They become a part of the key, so the key file changes: give its users the
            new one. Former grants still open it.
        part: name of that part, which everybody can read; by default the grant's. Without --subset, a part that the key
            has already.
        expires: last day on which it opens, as 2027-12-31.
        owner: let its users issue grants as well.
        identity: the key's own identity; by default the one beside the key. With --grant, your private key.
        grant: an owner's grant, where you were given one.
        passphrase_file: file whose first line opens your identity or grant; by default it is asked for.

    Returns:
        The path of the grant.
    """
    users = [user for source in split_words(to) for user in read_users(source)]
    day = _day(expires)
    if owner and (subset or part not in ("", WHOLE)):
        raise InputError("expected --owner with the whole key, found a part of it; an owner can grant everything")
    _check_users(users, out, passphrase=to_passphrase or to_passphrase_file is not None)
    issuer = open_issuer(key, identity, grant, passphrase_of(passphrase_file))
    secret = None if users else new_passphrase(to_passphrase_file, str(out))
    name, opened = _part(key, issuer, subset, part or (out.stem if subset else WHOLE))
    manifest = read_manifest_of(key)
    images = len(manifest.members(name))
    made = make_grant(issuer, {name: opened}, users, secret, images, day, owner)
    write_grant(out, made)
    _tell(out, key, made, len(manifest.records))
    return out


def _check_users(users: Sequence[User], out: Path, *, passphrase: bool) -> None:
    if bool(users) == passphrase:
        found = "both" if users else "neither"
        raise InputError(f"expected --to or --to_passphrase, found {found}; make two grants for both kinds of users")
    if out.suffix != ".miadgrant":
        raise InputError(f"{out}: expected a name that ends in .miadgrant; give another --out")
    check_new(out)


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        raise InputError(f"expected --expires as 2027-12-31, found {text!r}") from None
    check_last_day(day)
    return day


def _part(key: Path, issuer: Issuer, subset: str, name: str) -> tuple[str, Identity]:
    """Name and identity of the part to grant, made where it is new."""
    if not subset:
        return name, identity_of(key, issuer, name)
    assert issuer.identity is not None
    with open_key(key, issuer.keyring()) as opened:
        members = choose_records(opened, subset)
    manifest = read_manifest_of(key)
    if name in manifest.parts and name != WHOLE and manifest.parts[name].members == members:
        return name, identity_of(key, issuer, name)
    return name, add_part(key, issuer, name, members)


def _tell(out: Path, key: Path, made: Grant, images: int) -> None:
    until = f", until {made.expires}" if made.expires else ""
    sys.stdout.write(f"{out}: opens {made.images} of {images} images of {key} for {made.for_whom}{until}\n")
    for name in sorted(made.parts.keys() - {WHOLE}):  # said again to who may not have passed the new file on yet
        sys.stdout.write(f"{key} has the part {name}: give them the file as it is now\n")
