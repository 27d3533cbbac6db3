"""Take the marks off a folder of images, and say which could not be restored and why."""

import os
import posixpath
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path

from miad.errors import InputError, KeyMismatchError, check_at_least
from miad.imaging import (
    SUFFIXES,
    Stored,
    file_digest,
    file_kind,
    pixel_digest,
    read_stored,
    remove_drafts,
    write_stored,
)
from miad.keys.key import Key
from miad.keys.record import Record, restore
from miad.keys.workers import map_over_processes
from miad.watermark import Rendering

_PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".dcm"}
_UNKNOWN = "not an image of this key"
_NOT_COVERED = "in the key, but not covered by your grant"
_REPLACED = "another image of the key stands in its place; get the file again"
_LONGEST = 255
"""Bytes of a file's name that file systems take."""


@dataclass(frozen=True)
class Recovery:
    """What became of one file.

    Args:
        file: its path below the folder of marked images.
        problem: why it was not restored; empty when it was, bit for bit.
        already: it had been restored before, and the file was there.
        covered: false for an image of the key whose record does not open.
        marked: digest of the marked pixels of the image that it is; empty where it is none of the key's.
        copy_of: the file of the same image that was restored before it; empty for the first.
    """

    file: str
    problem: str = ""
    already: bool = False
    covered: bool = True
    marked: str = ""
    copy_of: str = ""


@dataclass(frozen=True)
class _Step:
    """What one file came to.

    Args:
        recovery: as it is told.
        name: the marked file's path in the record that it answered to.
    """

    recovery: Recovery
    name: str = ""

    @property
    def answers(self) -> bool:
        """Whether it answered to a record that opens."""
        return bool(self.recovery.marked) and self.recovery.covered


def recover_folder(key: Key, marked: Path, out: Path, processes: int = 1) -> Iterator[Recovery]:
    """Restore every image of a folder that the key knows; go on past those that it can not.

    A file is known by its pixels, whatever its name. One whose pixels are not those that were written, or that is
    missing, is reported. An original that is in ``out`` already is not written again, so an interrupted recovery goes
    on where it stopped. Every original is checked against the sha256 of its pixels before it is written, and appears
    whole or not at all; nothing is written outside ``out``.

    Args:
        key: the key.
        marked: folder of marked images.
        out: folder for the originals, as PNG, TIFF or DICOM as the marked file is, under the same relative names; where
            names differ only in their suffix, they keep it (``1.jpg.png``).
        processes: how many work at once; their main module is imported again, so a script that calls this with more
            than one needs ``if __name__ == "__main__":``.

    Yields:
        One result a file of the folder, restored ones first, then one a record that no file answered to. Copies of one
        image are all restored, and all but the first say so.

    Raises:
        InputError: ``out`` lies in the folder of marked images.
        RunError: the folder ``out`` can not be written.
    """
    check_at_least(1, processes=processes)
    if out.resolve().is_relative_to(marked.resolve()):
        raise InputError(f"{out}: expected another folder than the marked images', which would be overwritten")
    targets = _targets(marked)
    remove_drafts(out, set(targets.values()))
    jobs = [(marked / file, file, out, target) for file, target in targets.items()]
    found: dict[str, str] = {}
    first: dict[str, str] = {}
    problems: list[_Step] = []
    for step in map_over_processes(key, _recover, jobs, processes):
        result = step.recovery
        if step.answers:
            found[result.marked] = step.name
        if result.problem:
            problems.append(step)
        else:
            earlier = first.setdefault(result.marked, result.file)
            yield replace(result, copy_of="" if earlier == result.file else earlier)
    yield from _explain(key, problems, found, {_stem(file) for file in targets})


def _targets(marked: Path) -> dict[str, str]:
    """Every file below a folder, and where its original goes below the output folder."""
    paths = (path for path in marked.rglob("*") if path.is_file() and not path.name.startswith("."))
    files = sorted(path.relative_to(marked).as_posix() for path in paths)
    stems = Counter(_stem(file) for file in files if _is_picture(file))
    targets: dict[str, str] = {}
    taken: set[str] = set()
    for file in sorted(files, key=lambda file: not _is_picture(file)):  # pictures have the first choice
        wanted = [_stem(file)] if stems[_stem(file)] < 2 else []
        names = chain([*wanted, file], (f"{file}-{number}" for number in count(2)))
        suffix = SUFFIXES[file_kind(marked / file)]
        targets[file] = next(f"{name}{suffix}" for name in names if f"{name}{suffix}" not in taken)
        taken.add(targets[file])
    return targets


def _stem(file: str) -> str:
    return posixpath.splitext(file)[0]


def _is_picture(file: str) -> bool:
    return posixpath.splitext(file)[1].lower() in _PICTURES


def _recover(key: Key, job: tuple[Path, str, Path, str]) -> _Step:
    """Restore one file; what is wrong with it is told, and keeps no other file from being restored."""
    path, file, out, target = job
    try:
        image = read_stored(path)
    except InputError as error:
        return _Step(Recovery(file, str(error).removeprefix(f"{path}: ")))
    digest = pixel_digest(image.pixels)
    if digest in key.others:
        return _Step(Recovery(file, _NOT_COVERED, covered=False, marked=digest))
    if digest not in key.records:
        return _Step(Recovery(file, _UNKNOWN))
    name = file
    try:
        record = key.records[digest]
        name = record.file
        goal = _inside(out, target)
        already = _is_there(goal, record)
        if not already:
            write_stored(goal, restored(image, record, key.rendering(record), key.shared(record)))
    except (InputError, KeyMismatchError) as error:
        return _Step(Recovery(file, str(error), marked=digest), name)
    return _Step(Recovery(file, already=already, marked=digest), name)


def restored(marked: Stored, record: Record, rendering: Rendering, shared: Rendering | None = None) -> Stored:
    """The original of a marked image, as it is to be written.

    Args:
        marked: the marked image, exactly as it was written.
        record: its record.
        rendering: the rendering it names.
        shared: the picture of the delta that it shares with others, where it refers to one.

    Raises:
        InputError: the record is damaged.
        KeyMismatchError: the image is another, or the result is not the original.
    """
    pixels = restore(marked.pixels, record, rendering, shared)
    shell = None if record.form is None else record.form.original_shell(pixels)
    return replace(marked, pixels=pixels, shell=shell)


def _inside(out: Path, target: str) -> Path:
    """The path of an original; links in the output folder do not lead out of it.

    Raises:
        InputError: one would, or the name is too long.
    """
    goal = out / target
    if len(os.fsencode(goal.name)) > _LONGEST:
        raise InputError(f"its original would have a name of more than {_LONGEST} bytes; give the file a shorter one")
    if not goal.parent.resolve().is_relative_to(out.resolve()):
        raise InputError(f"{goal} would be written outside of {out}, through a link; choose another folder")
    return goal


def _is_there(goal: Path, record: Record) -> bool:
    """Whether the original has been restored before."""
    if goal.is_symlink() or not goal.is_file():
        return False
    try:
        there = read_stored(goal)
    except InputError:
        return False
    tags = "" if record.form is None else record.form.file
    return pixel_digest(there.pixels) == record.original and tags in ("", file_digest(goal))


def _explain(key: Key, problems: Sequence[_Step], found: dict[str, str], there: Collection[str]) -> Iterator[Recovery]:
    """Those that were not restored, then those that are missing.

    A file that the key does not know and that has the name of one it does was altered. One that the key knows as
    another image took the place of the one whose name it has.

    Args:
        key: the key.
        problems: files that were not restored.
        found: names of the records that files answered to, by the digest of their marked pixels.
        there: names of all files, without their suffix.
    """
    left = dict(_names(key, (marked for marked in key.records if marked not in found)))
    names = {_stem(name) for name in [*found.values(), *left.values()]}
    answered = set()
    for step in problems:
        file = step.recovery.file
        if not step.recovery.covered:
            yield step.recovery
        elif step.answers or _stem(file) in names:
            answered.add(_stem(file))
            yield step.recovery if step.answers else Recovery(file, _altered(step.recovery.problem))
        elif _is_picture(file):  # the folder may hold other things beside the images
            yield step.recovery
    for name in sorted(left.values()):
        if _stem(name) not in answered:
            yield Recovery(name, _REPLACED if _stem(name) in there else "no such file in the folder of marked images")


def _names(key: Key, digests: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The marked files' paths of records; of one that is damaged, what can be said."""
    for marked in digests:
        try:
            yield marked, key.records[marked].file
        except InputError as error:
            yield marked, f"(the image {marked[:16]}, whose record is damaged: {error})"


def _altered(problem: str) -> str:
    if problem != _UNKNOWN:
        return problem
    return "its pixels are not those that were written (edited, resized or re-saved); get the file again"
