"""Pictures that a cell keeps of a few images, a PNG each, for the figures of reports."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from miad.evaluation import Attempt
from miad.imaging import from_tensor, read_image, write_png
from miad.tensors import Pixels, to_levels

_MASK, _SUFFIX = ": mask", ".mask"
"""How the mask that a remover sees is called, and what its file's name ends with."""


class Specimens:
    """What adversaries leave of one image; see `miad.commands.removal_run.carry_out`."""

    def __init__(self) -> None:
        self._pictures: dict[str, Pixels] = {}

    def add(self, attempt: Attempt, index: int, note: str, *, grey: bool) -> None:
        """One more adversary, and the mask that it sees."""
        self._pictures.setdefault("original", from_tensor(attempt.originals[index].cpu(), grey=grey))
        self._pictures[attempt.removed_by] = from_tensor(attempt.images[index].cpu(), grey=grey)
        if attempt.masks is not None:
            self._pictures[attempt.removed_by + _MASK] = to_levels(attempt.masks[index])[0].cpu().numpy()

    def draw(self, path: Path) -> None:
        """Write them as a folder."""
        write_specimens(path.with_suffix(""), self._pictures)


def write_specimens(folder: Path, pictures: Mapping[str, Pixels]) -> None:
    """Write pictures by their kinds.

    Raises:
        RunError: the folder can not be written.
    """
    for number, (kind, pixels) in enumerate(pictures.items()):
        name = kind.removesuffix(_MASK) + _SUFFIX if kind.endswith(_MASK) else kind
        write_png(folder / f"{number:02}.{name}.png", pixels)


def read_specimens(folder: Path) -> Iterator[tuple[str, Pixels]]:
    """Kinds and pictures in the order in which they were kept; none where there is no folder."""
    for path in sorted(folder.glob("*.png")):
        name = path.stem.partition(".")[2]
        yield name.removesuffix(_SUFFIX) + _MASK if name.endswith(_SUFFIX) else name, read_image(path)
