"""Names of output files, from the ids of images."""

import posixpath
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile
from pathlib import PurePosixPath

from miad.data.base import ImageDataset
from miad.imaging import SUFFIXES


def marked_names(dataset: ImageDataset) -> dict[str, str]:
    """For every id the relative path of its marked file, with the suffix of the kind of file that it becomes."""
    return output_names(dataset.ids, [SUFFIXES[dataset.file_kind(index)] for index in range(len(dataset))])


def output_names(ids: Sequence[str], suffixes: Sequence[str] | None = None) -> dict[str, str]:
    """A relative path for every id: below the images' common folder, unique, the same on every machine.

    ``scans/a/1.jpg`` and ``scans/b/1.jpg`` become ``a/1.png`` and ``b/1.png``; where ids differ only in their suffix,
    all keep it (``1.jpg.png``).

    Args:
        ids: of images.
        suffixes: one an id; by default all are ``.png``.
    """
    own_suffix = dict(zip(ids, suffixes or [".png"] * len(ids), strict=True))
    parts = {id_: PurePosixPath(posixpath.normpath(id_.replace("\\", "/"))).parts for id_ in ids}
    levels = zip(*(own[:-1] for own in parts.values()), strict=False)
    shared = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, levels))
    paths = {id_: PurePosixPath(*map(_safe, own[shared:])) for id_, own in parts.items()}
    stems = Counter(map(_stem, paths.values()))
    wanted = {id_: str(_stem(path) if stems[_stem(path)] == 1 else path) for id_, path in paths.items()}
    return dict(_unique(wanted, own_suffix))


def _stem(path: PurePosixPath) -> PurePosixPath:
    """Without its suffix; what follows the last dot of a UID is none."""
    return path if path.suffix[1:].isdecimal() else path.with_suffix("")


def _safe(part: str) -> str:
    """No name may lead out of the output folder."""
    return "_" if part in ("..", "/") else part


def _unique(wanted: dict[str, str], suffixes: dict[str, str]) -> Iterable[tuple[str, str]]:
    """Number what still collides, in the order of the ids."""
    taken: set[str] = set()
    for id_, name in sorted(wanted.items()):
        free, number = f"{name}{suffixes[id_]}", 2
        while free in taken:
            free = f"{name}-{number}{suffixes[id_]}"
            number += 1
        taken.add(free)
        yield id_, free
