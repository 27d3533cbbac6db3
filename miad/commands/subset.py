"""Choose some of a key's images by their names."""

import csv
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from miad.commands.words import split_words
from miad.errors import InputError
from miad.keys import Key


def choose_records(key: Key, subset: str) -> frozenset[str]:
    """Digests of the marked pixels of images that are listed, or whose names match a pattern.

    Args:
        key: the key, opened.
        subset: files (CSV with a column ``image``, or a name a line) or patterns, separated by commas; names are ids of
            images, as in the data, or paths below ``marked/``.

    Raises:
        InputError: a list can not be read, or a name or pattern is that of no image.
    """
    names = [name for word in split_words(subset) for name in _names(word)]
    by_name: dict[str, set[str]] = {}
    for record in key.records.values():
        for name in (record.image, record.file):
            by_name.setdefault(name, set()).add(record.marked)
    chosen: set[str] = set()
    for name in names:
        found = by_name.get(name) or {m for own, ms in by_name.items() if fnmatchcase(own, name) for m in ms}
        if not found:
            raise InputError(f"--subset: expected names of images of {key.path}, found {name!r}, which is of none")
        chosen |= found
    if not chosen:
        raise InputError("expected names of images in --subset, found none")
    return frozenset(chosen)


def _names(word: str) -> Sequence[str]:
    path = Path(word)
    if not path.is_file():
        return [word]
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
