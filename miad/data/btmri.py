"""BTMRI (J. Cheng, figshare 1512427): 3,064 T1-weighted slices of 233 patients with one of three brain tumours."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

import h5py
import numpy as np

from miad.data.base import ImageDataModule, ImageDataset, Split
from miad.data.files import ImageFile, hold_out
from miad.data.origin import Origin
from miad.errors import InputError
from miad.tensors import LesionMask, Pixels

ORIGIN = Origin(
    name="BTMRI",
    holds="1.mat ... 3064.mat and cvind.mat",
    url="https://doi.org/10.6084/m9.figshare.1512427",
    images=3064,
)
PUBLISHED = {1: "meningioma", 2: "glioma", 3: "pituitary"}
"""The publisher's labels."""
CLASS_COUNTS = {"glioma": 1426, "meningioma": 708, "pituitary": 930}
"""Images of each class as published."""
PATIENTS = 233
FOLDS = 5
"""Folds of cvind.mat."""

Division: TypeAlias = Literal["patients", "paper", "folds"]


class BTMRI(ImageDataModule):
    """BTMRI in its publisher's layout; lesion masks are the tumours.

    The publisher's 16-bit slices are read as 8 bits: each slice's darkest value becomes 0, its brightest 255.

    Args:
        root: folder with 1.mat ... 3064.mat.
        split: patients, 3:1 with no patient on both sides; paper, 3:1 by slice, as MIAD-MARK has it, so that slices
            of one patient are on both sides; folds, the publisher's five folds in cvind.mat.
        fold: which of the five is validated on.
        seed: seed of the 3:1 split.
        loading: see `ImageDataModule`.
    """

    classes = tuple(CLASS_COUNTS)

    def __init__(
        self,
        root: Path,
        split: Division = "patients",
        fold: int = 1,
        seed: int = 2023,
        **loading: Any,  # noqa: ANN401  (the options of ImageDataModule)
    ) -> None:
        super().__init__(**loading)
        root = Path(root)
        files = read_slices(root)
        match split:
            case "patients":
                self._files = hold_out(files, seed)
            case "paper":
                self._files = hold_out([ImageFile(file.id, file.path, file.label) for file in files], seed)
            case "folds":
                self._files = _leave_fold_out(files, read_folds(root, len(files)), fold)

    def splits(self) -> Mapping[Split, ImageDataset]:
        """Slices to train on and to validate on."""
        return {name: SliceDataset(files, self.size) for name, files in self._files.items() if files}


class SliceDataset(ImageDataset):
    """Slices in MATLAB v7.3 files."""

    def __init__(self, files: Sequence[ImageFile], size: int | None = None) -> None:
        super().__init__([file.id for file in files], [file.label for file in files], size)
        self.files = list(files)

    def pixels(self, index: int) -> Pixels:
        """The slice as 8 bits, uint8 ``(h, w)``."""
        stored = _read(self.files[index].path, "image").T.astype(np.float64)  # HDF5 has MATLAB's columns as rows
        low, high = stored.min(), stored.max()
        scaled: Pixels = np.rint((stored - low) * (255 / max(high - low, 1))).astype(np.uint8)
        return scaled

    def lesion_mask(self, index: int) -> LesionMask:
        """The tumour, bool ``(h, w)``.

        Raises:
            InputError: the mask is not of the slice's size.
        """
        path = self.files[index].path
        mask: LesionMask = _read(path, "tumorMask").T > 0
        (height, width), (h, w) = self._stored_shape(index), mask.shape
        if (h, w) != (height, width):
            raise InputError(f"{path}: expected a tumorMask of {width}x{height} as the image, found {w}x{h}")
        return mask

    def has_mask(self, index: int) -> bool:
        """All have one."""
        return True

    def shape(self, index: int) -> tuple[int, int]:
        """From the file's header."""
        return self._stored_shape(index) if self.size is None else super().shape(index)

    def _stored_shape(self, index: int) -> tuple[int, int]:
        path = self.files[index].path
        with _open(path) as file:
            width, height = _data(path, file)["image"].shape
        return height, width


def read_slices(root: Path) -> list[ImageFile]:
    """Every slice with its label and patient, in the publisher's order.

    Raises:
        InputError: there are none, or one is not of MATLAB v7.3 or has a label that was not published.
    """
    ORIGIN.require(root)
    paths = sorted((path for path in root.glob("*.mat") if path.stem.isdecimal()), key=lambda path: int(path.stem))
    if not paths:
        ORIGIN.require(root, "1.mat")
    ORIGIN.check_count(root, len(paths))
    return [_slice(path) for path in paths]


def read_folds(root: Path, slices: int) -> list[int]:
    """The fold, 1 to 5, of every slice.

    Raises:
        InputError: cvind.mat is missing, no MATLAB v7.3 file, or not of these slices.
    """
    path = ORIGIN.require(root, "cvind.mat")
    with _open(path) as file:
        if "cvind" not in file:
            raise InputError(f"{path}: expected a variable cvind, found {', '.join(file)}")
        folds = np.ravel(file["cvind"][()]).tolist()
    if len(folds) != slices:
        raise InputError(f"{path}: expected the folds of {slices} slices, found {len(folds)}")
    wrong = next((fold for fold in folds if fold not in range(1, FOLDS + 1)), None)
    if wrong is not None:
        raise InputError(f"{path}: expected folds of 1 to {FOLDS}, found {wrong:g}")
    return [int(fold) for fold in folds]


def _leave_fold_out(files: Sequence[ImageFile], folds: Sequence[int], fold: int) -> dict[Split, list[ImageFile]]:
    if fold not in folds:
        raise InputError(f"expected a fold of 1 to {FOLDS}, found {fold}")
    return {
        "train": [file for file, number in zip(files, folds, strict=True) if number != fold],
        "val": [file for file, number in zip(files, folds, strict=True) if number == fold],
    }


class _Header(NamedTuple):
    label: float
    patient: str


def _slice(path: Path) -> ImageFile:
    header = _header(path)
    if header.label not in PUBLISHED:
        labels = ", ".join(f"{number} {name}" for number, name in PUBLISHED.items())
        raise InputError(f"{path}: expected a label of {labels}, found {header.label:g}")
    return ImageFile(path.name, path, list(CLASS_COUNTS).index(PUBLISHED[int(header.label)]), header.patient)


def _header(path: Path) -> _Header:
    with _open(path) as file:
        data = _data(path, file)
        characters = np.ravel(data["PID"][()])
        return _Header(float(np.ravel(data["label"][()])[0]), "".join(map(chr, characters)))


def _read(path: Path, name: str) -> Any:  # noqa: ANN401  (h5py is untyped)
    with _open(path) as file:
        return _data(path, file)[name][()]


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    try:
        with h5py.File(path, "r") as file:
            yield file
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file") from error
    except (OSError, LookupError, RuntimeError) as error:  # the latter two where the file's inner structure is damaged
        raise InputError(
            f"{path}: expected a MATLAB v7.3 (HDF5) file, found another or a damaged one; save it with 'save -v7.3' "
            "or copy it again"
        ) from error


def _data(path: Path, file: Any) -> Any:  # noqa: ANN401
    data = file.get("cjdata")
    fields = data if isinstance(data, h5py.Group) else {}
    missing = [
        name for name in ("image", "label", "PID", "tumorMask") if not isinstance(fields.get(name), h5py.Dataset)
    ]
    if missing:
        raise InputError(f"{path}: expected cjdata with image, label, PID and tumorMask, found no {missing[0]}")
    return data
