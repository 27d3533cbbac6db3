"""``miad keys inspect``: what a key holds and what a grant is for, as far as everybody can read it."""

from collections.abc import Iterator
from pathlib import Path

from miad.commands.show import show_table
from miad.errors import InputError
from miad.keys import Grant, Manifest, is_encrypted, open_key, read_grant, read_manifest_of


def inspect(key: Path | None = None, grant: Path | None = None) -> None:
    """Show what a key holds, and what a grant is for and for whom.

    Needs no identity and shows no secret. Signatures are checked. With both, says whether they belong together.

    Args:
        key: a key file.
        grant: a grant.
    """
    if key is None and grant is None:
        raise InputError("expected --key, --grant or both, found neither")
    closed = None if grant is None else read_grant(grant)
    if key is not None and not is_encrypted(key):
        with open_key(key) as opened:
            rows = [("encrypted", "no: whoever has it can restore the images"), ("images", str(len(opened.records)))]
        show_table(str(key), ("key", ""), rows)
    elif key is not None:
        manifest = read_manifest_of(key)
        show_table(str(key), ("key", ""), list(_of_key(key, manifest)))
        if closed is not None:
            closed.check_fits(key, manifest)
    if closed is not None:
        show_table(str(grant), ("grant", ""), list(_of_grant(closed)))


def _of_key(path: Path, manifest: Manifest) -> Iterator[tuple[str, str]]:
    yield "key", manifest.recipient
    yield "signed by", manifest.issuer
    yield "images", str(len(manifest.records))
    yield "renderings of the logo", str(len(manifest.renderings))
    for name in sorted(manifest.parts):
        yield f"images of part {name}", str(len(manifest.members(name)))
    yield "bytes", str(path.stat().st_size)


def _of_grant(grant: Grant) -> Iterator[tuple[str, str]]:
    yield "of the key", grant.key
    yield "signed by", grant.issuer
    yield "opens", ", ".join(sorted(grant.parts))
    yield "images", "all" if grant.images is None else str(grant.images)
    for user in grant.users:
        yield f"for {user.name}", user.key
    if not grant.users:
        yield "for", grant.for_whom
    yield "issued", str(grant.issued)
    yield "last day", "none" if grant.expires is None else str(grant.expires)
    yield "users may issue grants", "yes" if grant.owner else "no"
