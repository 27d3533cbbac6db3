"""Names of output files, from the ids of images."""

import posixpath
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import takewhile
from pathlib import PurePosixPath


def output_names(ids: Sequence[str]) -> dict[str, str]:
    """A relative PNG path for every id: below the images' common folder, unique, the same on every machine.

    ``scans/a/1.jpg`` and ``scans/b/1.jpg`` become ``a/1.png`` and ``b/1.png``; where ids differ only in their suffix,
    all keep it (``1.jpg.png``).
    """
    parts = {id_: PurePosixPath(posixpath.normpath(id_.replace("\\", "/"))).parts for id_ in ids}
    levels = zip(*(own[:-1] for own in parts.values()), strict=False)
    shared = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, levels))
    paths = {id_: PurePosixPath(*map(_safe, own[shared:])) for id_, own in parts.items()}
    stems = Counter(path.with_suffix("") for path in paths.values())
    wanted = {
        id_: str(path.with_suffix(".png") if stems[path.with_suffix("")] == 1 else path.with_name(path.name + ".png"))
        for id_, path in paths.items()
    }
    return dict(_unique(wanted))


def _safe(part: str) -> str:
    """No name may lead out of the output folder."""
    return "_" if part in ("..", "/") else part


def _unique(wanted: dict[str, str]) -> Iterable[tuple[str, str]]:
    """Number what still collides, in the order of the ids."""
    taken: set[str] = set()
    for id_, name in sorted(wanted.items()):
        free, number = name, 2
        while free in taken:
            free = f"{name.removesuffix('.png')}-{number}.png"
            number += 1
        taken.add(free)
        yield id_, free
