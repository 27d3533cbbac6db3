"""Names of output files, from the ids of images."""

import os.path
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath


def output_names(ids: Sequence[str]) -> dict[str, str]:
    """A relative PNG path for every id: below the images' common folder, unique.

    ``scans/a/1.jpg`` and ``scans/b/1.jpg`` become ``a/1.png`` and ``b/1.png``; where two ids differ only in their
    suffix, both keep it (``1.jpg.png``).
    """
    paths = {id_: _below_common_folder(id_, ids) for id_ in ids}
    stems = Counter(path.with_suffix("") for path in paths.values())
    return {id_: _as_png(path, alone=stems[path.with_suffix("")] == 1) for id_, path in paths.items()}


def _below_common_folder(id_: str, ids: Sequence[str]) -> PurePosixPath:
    folders = {os.path.dirname(os.path.normpath(other)) for other in ids}  # noqa: PTH120  (ids need not be paths)
    common = os.path.commonpath(folders) if len({os.path.isabs(f) for f in folders}) == 1 else ""  # noqa: PTH117
    path = os.path.relpath(os.path.normpath(id_), common or ".")
    return PurePosixPath(*(part if part != ".." else "_" for part in PurePosixPath(path).parts if part != "/"))


def _as_png(path: PurePosixPath, *, alone: bool) -> str:
    return str(path.with_suffix(".png") if alone else path.with_name(path.name + ".png"))
