"""``miad recover``: from marked images and a key back to the originals."""

import sys
from pathlib import Path

from rich.console import Console
from rich.progress import track

from miad.errors import InputError, KeyMismatchError
from miad.keys import Recovery, read_key, recover_folder


def recover(key: Path, marked: Path, out: Path) -> int:
    """Restore the originals of marked images, bit for bit.

    Every restored image is checked against the sha256 of the original's pixels in the key; one that can not be
    restored is named and the others are restored all the same.

    Args:
        key: the key file that 'miad attack' wrote.
        marked: folder of marked images.
        out: folder for the originals, as PNG under the same names.

    Returns:
        The number of restored images.

    Raises:
        KeyMismatchError: an image could not be restored.
    """
    opened = read_key(key)
    if not marked.is_dir():
        raise InputError(f"{marked}: no such folder of marked images")
    if out.resolve() == marked.resolve():
        raise InputError(f"{out}: expected another folder than the marked images'; they would be overwritten")
    console = Console(stderr=True)
    steps = recover_folder(opened, marked, out)
    results = list(track(steps, "Recovering", total=len(opened.records), console=console, transient=True))
    _report(results, key, marked, out)
    return len(results)


def _report(results: list[Recovery], key: Path, marked: Path, out: Path) -> None:
    problems = [result for result in results if result.problem]
    for result in problems[:20]:
        sys.stderr.write(f"{marked / result.file}: {result.problem}\n")
    restored = len(results) - len(problems)
    sys.stdout.write(f"{restored} of {len(results)} recovered exactly, in {out}\n")
    if not restored:
        raise KeyMismatchError(f"{key} fits none of the images in {marked}; take the key of the run that made them")
    if problems:
        raise KeyMismatchError(f"{len(problems)} of {len(results)} could not be recovered; the others are in {out}")
