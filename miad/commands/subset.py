"""Choose some of a key's images by their names."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from miad.commands.words import split_words
from miad.errors import InputError
from miad.keys import Key, Record


def choose_records(key: Key, subset: str) -> frozenset[str]:
    """Digests of the marked pixels of images that are listed, or whose names match a pattern.

    Args:
        key: the key, opened.
        subset: files (CSV with a column ``image``, or a name a line) or patterns, separated by commas; names are ids of
            images, as in the data, or paths below ``marked/``. What stands in a file is a name, never a pattern.

    Raises:
        InputError: a list can not be read, or a name or pattern is that of no image, or means some images by their ids
            and others by their paths.
    """
    ids, paths = _by_name(key.records.values())
    chosen: set[str] = set()
    for word in split_words(subset):
        listed = Path(word).is_file()
        for name in _names(Path(word)) if listed else [word]:
            literal = listed or name in ids or name in paths
            by_id, by_path = (_matches(names, name, literal=literal) for names in (ids, paths))
            chosen |= _one_meaning(key, name, by_id, by_path)
    if not chosen:
        raise InputError("expected names of images in --subset, found none")
    return frozenset(chosen)


def _by_name(records: Iterable[Record]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Digests by id, and by path."""
    ids: dict[str, set[str]] = {}
    paths: dict[str, set[str]] = {}
    for record in records:
        ids.setdefault(record.image, set()).add(record.marked)
        paths.setdefault(record.file, set()).add(record.marked)
    return ids, paths


def _matches(names: Mapping[str, set[str]], name: str, *, literal: bool) -> set[str]:
    if literal:
        return names.get(name, set())
    return {marked for own, those in names.items() if fnmatchcase(own, name) for marked in those}


def _one_meaning(key: Key, name: str, by_id: set[str], by_path: set[str]) -> set[str]:
    """Those of that id, else those of that path; a grant is not to open images by a mistake."""
    if by_id and by_path - by_id:
        raise InputError(
            f"--subset: expected a name of images of {key.path}, found {name!r}, which means some by their ids and "
            "others by their paths; give names that mean one"
        )
    if not (by_id or by_path):
        raise InputError(f"--subset: expected names of images of {key.path}, found {name!r}, which is of none")
    return by_id or by_path


def _names(path: Path) -> Sequence[str]:
    """What stands in a list."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected a list of images, found a file that can not be read ({error})") from error
    if path.suffix.lower() != ".csv":
        return [line.strip() for line in text.splitlines() if line.strip()]
    table = csv.DictReader(text.splitlines())
    if "image" not in (table.fieldnames or ()):
        raise InputError(f"{path}: expected a column 'image', found {', '.join(table.fieldnames or ()) or 'none'}")
    return [row["image"] for row in table if row["image"]]
