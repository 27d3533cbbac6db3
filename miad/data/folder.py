"""Images sorted into folders by class: ``ROOT/CLASS/*.png``, or ``ROOT/SPLIT/CLASS/*.png``."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, get_args

from PIL import Image

from miad.data.base import ImageDataModule, ImageDataset, Split
from miad.data.files import FileDataset, ImageFile, hold_out
from miad.errors import InputError
from miad.imaging import is_dicom_file


class Folder(ImageDataModule):
    """Images in one folder a class, below train, val and test where there are such folders, else split 3:1.

    Args:
        root: the folder of the class folders, or of train, val and test.
        classes: class names in the order of the logits; by default the folders found, sorted.
        seed: seed of the 3:1 split.
        loading: see `ImageDataModule`.
    """

    def __init__(
        self,
        root: Path,
        classes: list[str] | None = None,
        seed: int = 2023,
        **loading: Any,  # noqa: ANN401  (the options of ImageDataModule)
    ) -> None:
        super().__init__(**loading)
        root = Path(root)
        if not root.is_dir():
            raise InputError(f"{root}: no such folder; expected one folder a class in it")
        given = [name for name in get_args(Split) if (root / name).is_dir()]
        parts = [root / name for name in given] or [root]
        found = sorted({folder.name for part in parts for folder in part.iterdir() if _is_class(folder)})
        self.classes = _classes(root, found, classes)
        files = {part.name: _files(root, part, self.classes) for part in parts}
        self._files = {name: files[name] for name in given} if given else _hold_out(root, files[root.name], seed)

    def splits(self) -> Mapping[Split, ImageDataset]:
        """The images of each split that has any."""
        return {name: FileDataset(files, self.size) for name, files in self._files.items() if files}


def _is_class(folder: Path) -> bool:
    return folder.is_dir() and not _is_hidden(Path(folder.name))


def _is_hidden(path: Path) -> bool:
    """Whether it is what systems and notebooks leave behind: ``._a.png``, ``.ipynb_checkpoints/a.png``."""
    return any(part.startswith(".") for part in path.parts)


def _classes(root: Path, found: list[str], wanted: list[str] | None) -> tuple[str, ...]:
    if not found:
        raise InputError(f"{root}: expected one folder a class, found none; sort the images into folders")
    unknown = sorted(set(found) - set(wanted or found))
    if unknown:
        raise InputError(f"{root}: expected the classes {', '.join(wanted or ())}, found a folder {unknown[0]!r}")
    return tuple(wanted or found)


def _files(root: Path, part: Path, classes: tuple[str, ...]) -> list[ImageFile]:
    endings = {*Image.registered_extensions(), ".dcm"}
    return [
        ImageFile(path.relative_to(root).as_posix(), path, label)
        for label, name in enumerate(classes)
        for path in sorted((part / name).rglob("*"))
        if path.is_file() and not _is_hidden(path.relative_to(part)) and _is_image(path, endings)
    ]


def _is_image(path: Path, endings: Collection[str]) -> bool:
    """Whether it has the name of an image, or is DICOM, which often has a name without a suffix; no index of a disc."""
    return path.suffix.lower() in endings or (path.name != "DICOMDIR" and is_dicom_file(path))


def _hold_out(root: Path, files: list[ImageFile], seed: int) -> dict[Split, list[ImageFile]]:
    try:
        return hold_out(files, seed)
    except InputError as error:
        raise InputError(f"{root}: {error}; or sort them into train, val and test") from error
