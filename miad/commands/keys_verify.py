"""``miad keys verify``: whether a key is whole, as its issuer signed it."""

import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.progress import track

from miad.commands.passphrase import passphrase_of
from miad.errors import KeyMismatchError
from miad.keys import check_records, check_sealed, open_key, own_identity, read_manifest_of


def verify(
    key: Path, identity: Path | None = None, grant: Path | None = None, passphrase_file: Path | None = None
) -> int:
    """Check a key from end to end.

    Without an identity: that the issuer's signature fits, and that every encrypted record is the one that was signed.
    With one, also that every record opens and is in its place. Whether the images come back exactly is seen when they
    do; 'miad recover' checks each.

    Args:
        key: the key file.
        identity: the key's own identity; by default the one beside the key, where there is one. With --grant, yours.
        grant: a grant.
        passphrase_file: file whose first line opens your identity or grant; by default it is asked for.

    Returns:
        The number of records that were checked, of a part those that it holds.

    Raises:
        KeyMismatchError: something is wrong; it is named.
    """
    manifest = read_manifest_of(key)
    sys.stdout.write(f"{key}: signed by {manifest.issuer}\n")
    images, renderings = len(manifest.records), len(manifest.renderings)
    logos = "1 rendering" if renderings == 1 else f"{renderings} renderings"
    sealed = f"pieces (a record for each of {images} images, {logos} of the logo)"
    _check(check_sealed(key), images + renderings, key, f"{sealed} are as they were signed")
    if identity is None and grant is None and not own_identity(key).is_file():
        sys.stdout.write("whether they open was not checked: no identity was given\n")
        return len(manifest.records)
    with open_key(key, identity, grant, passphrase_of(passphrase_file)) as opened:
        _check(check_records(opened), len(opened.records), key, "images' records open and are in their place")
        return len(opened.records)


def _check(steps: Iterable[str], total: int, key: Path, what: str) -> None:
    console = Console(stderr=True)
    shown = track(steps, "Checking", total=total, console=console, transient=True, disable=not console.is_terminal)
    problems = [step for step in shown if step]
    for problem in problems[:20]:
        sys.stderr.write(f"{problem}\n")
    sys.stdout.write(f"{total - len(problems)} of {total} {what}\n")
    if problems:
        raise KeyMismatchError(f"{key}: {len(problems)} of {total} are damaged; get the key again from who issued it")
