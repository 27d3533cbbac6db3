"""``miad recover``: from marked images and a key back to the originals."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.progress import track

from miad.commands.passphrase import passphrase_of
from miad.errors import InputError, KeyMismatchError, printable
from miad.keys import Recovery, open_key, recover_folder

_LISTED = 20
"""Files that are named; of more the number is told."""


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
    that can not be restored is named and the others are restored all the same. Copies of an image are restored and
    named, and count once. Images of the key that a grant does not cover are counted. Started again, it goes on where it
    stopped.

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
        _check_marked(marked)
        console = Console(stderr=True)
        steps = recover_folder(opened, marked, out, processes)
        images, quiet = len(opened.records), not console.is_terminal
        results = list(track(steps, "Recovering", total=images, console=console, transient=True, disable=quiet))
    return _report(results, images, key, marked, out)


def _check_marked(marked: Path) -> None:
    if marked.is_file():
        raise InputError(f"{marked}: expected a folder of marked images, found a file; give the folder that it is in")
    if not marked.is_dir():
        raise InputError(f"{marked}: no such folder of marked images")
    if (marked / "config.yaml").is_file() and (marked / "marked").is_dir():
        inside = marked / "marked"
        raise InputError(f"{marked}: expected a folder of marked images, found a run's folder; give {inside}")


def _report(results: Sequence[Recovery], images: int, key: Path, marked: Path, out: Path) -> int:
    """Say what came back of the images that the key opens, each counted once; the number of these.

    Others of the key are nobody's mistake.
    """
    covered = [result for result in results if result.covered]
    problems = [result for result in covered if result.problem]
    _list([f"{marked / result.file}: {result.problem}" for result in problems], sys.stderr)
    restored = [result for result in covered if not (result.problem or result.copy_of)]
    already = sum(result.already for result in restored)
    before = f", {already} of them before" if already else ""
    sys.stdout.write(f"{len(restored)} of {images} recovered exactly{before}, in {out}\n")
    copies = [result for result in covered if result.copy_of]
    if copies:
        what = "files are copies of these images" if len(copies) > 1 else "file is a copy of one of these images"
        sys.stdout.write(f"{len(copies)} more {what}, restored as well:\n")
        _list([f"{marked / result.file}: the same image as {result.copy_of}" for result in copies], sys.stdout)
    others = {result.marked for result in results if not result.covered}
    if others:
        sys.stdout.write(f"{len(others)} more are in the key, but not covered by your grant\n")
    if not restored and others:
        raise KeyMismatchError(f"{marked}: nothing that your grant covers could be restored; ask for another")
    if not restored:
        raise KeyMismatchError(f"{key} fits none of the images in {marked}; take the key of the run that made them")
    if lost := images - len(restored):
        raise KeyMismatchError(f"{lost} of {images} could not be recovered; the others are in {out}")
    if problems:
        files = f"{len(problems)} other file{'s' if len(problems) > 1 else ''}"
        raise KeyMismatchError(f"{files} of {marked} could not be restored; every image that the key opens is in {out}")
    return len(restored)


def _list(lines: Sequence[str], stream: TextIO) -> None:
    for line in lines[:_LISTED]:
        stream.write(printable(line) + "\n")
    if len(lines) > _LISTED:
        stream.write(f"and {len(lines) - _LISTED} more\n")
