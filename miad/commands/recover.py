"""``miad recover``: from marked images and a key back to the originals."""

import sys
from pathlib import Path

from rich.console import Console
from rich.progress import track

from miad.commands.passphrase import passphrase_of
from miad.errors import InputError, KeyMismatchError, printable
from miad.keys import Recovery, open_key, recover_folder


def recover(
    key: Path,
    marked: Path,
    out: Path,
    grant: Path | None = None,
    identity: Path | None = None,
    passphrase_file: Path | None = None,
    processes: int = 1,
) -> int:
    """Restore the originals of marked images, bit for bit.

    Every restored image is checked against the sha256 of the original's pixels in the key before it is written; one
    that can not be restored is named and the others are restored all the same. Images of the key that a grant does not
    cover are counted. Started again, it goes on where it stopped.

    Args:
        key: the key file that 'miad attack' wrote.
        marked: folder of marked images.
        out: folder for the originals, as the kinds of file that the marked ones are, under the same names.
        grant: the grant that you were given, where the key is not your own.
        identity: your private key (of 'miad keys new', age-keygen or ssh), or, without --grant, the key's own identity;
            by default the identity beside the key.
        passphrase_file: file whose first line opens the grant or the identity; by default it is asked for.
        processes: how many work at once.

    Returns:
        The number of restored images.

    Raises:
        KeyMismatchError: an image could not be restored.
    """
    with open_key(key, identity, grant, passphrase_of(passphrase_file)) as opened:
        if not opened.encrypted:
            sys.stderr.write(f"{key} is not encrypted: whoever has it can restore the images\n")
        if not marked.is_dir():
            raise InputError(f"{marked}: no such folder of marked images")
        console = Console(stderr=True)
        steps = recover_folder(opened, marked, out, processes)
        results = list(track(steps, "Recovering", total=len(opened.records), console=console, transient=True))
    covered = [result for result in results if result.covered]
    _report(covered, len(results) - len(covered), key, marked, out)
    return len(covered)


def _report(results: list[Recovery], others: int, key: Path, marked: Path, out: Path) -> None:
    """Say what came back of the images that the key opens; others of it are nobody's mistake."""
    problems = [result for result in results if result.problem]
    for result in problems[:20]:
        sys.stderr.write(printable(f"{marked / result.file}: {result.problem}") + "\n")
    if len(problems) > 20:
        sys.stderr.write(f"and {len(problems) - 20} more\n")
    restored = len(results) - len(problems)
    already = sum(result.already for result in results)
    before = f", {already} of them before" if already else ""
    sys.stdout.write(f"{restored} of {len(results)} recovered exactly{before}, in {out}\n")
    if others:
        sys.stdout.write(f"{others} more are in the key, but not covered by your grant\n")
    if not restored and others:
        raise KeyMismatchError(f"{marked}: nothing that your grant covers could be restored; ask for another")
    if not restored:
        raise KeyMismatchError(f"{key} fits none of the images in {marked}; take the key of the run that made them")
    if problems:
        raise KeyMismatchError(f"{len(problems)} of {len(results)} could not be recovered; the others are in {out}")
