"""ISIC 2019: 25,331 dermoscopic photographs of eight diagnoses."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from miad.data.base import ImageDataModule, ImageDataset, Split
from miad.data.files import FileDataset, ImageFile, hold_out
from miad.data.origin import Origin
from miad.errors import InputError

ORIGIN = Origin(
    name="ISIC 2019",
    holds="ISIC_2019_Training_Input/*.jpg, ISIC_2019_Training_GroundTruth.csv and ISIC_2019_Training_Metadata.csv",
    url="https://challenge.isic-archive.com/data/#2019",
    images=25331,
)
CLASS_COUNTS = {"MEL": 4522, "NV": 12875, "BCC": 3323, "AK": 867, "BKL": 2624, "DF": 239, "VASC": 253, "SCC": 628}
"""Images of each diagnosis as published; the ninth column, UNK, has none."""
_FOLDER = "ISIC_2019_Training_Input"
_TRUTH = "ISIC_2019_Training_GroundTruth.csv"
_METADATA = "ISIC_2019_Training_Metadata.csv"


class ISIC2019(ImageDataModule):
    """ISIC 2019 in its publisher's layout, split 3:1, stratified by diagnosis, with a lesion's photographs together.

    Args:
        root: folder with ISIC_2019_Training_Input and the two tables.
        seed: seed of the 3:1 split.
        loading: see `ImageDataModule`.
    """

    classes = tuple(CLASS_COUNTS)

    def __init__(
        self,
        root: Path,
        seed: int = 2023,
        **loading: Any,  # noqa: ANN401  (the options of ImageDataModule)
    ) -> None:
        super().__init__(**loading)
        root = Path(root)
        labels, lesions = read_labels(root), read_lesions(root)
        ids = [f"{_FOLDER}/{image}.jpg" for image in labels]
        files = [
            ImageFile(id_, ORIGIN.require(root, id_), label, patient=lesions.get(image, ""))
            for id_, (image, label) in zip(ids, labels.items(), strict=True)
        ]
        self._files = hold_out(files, seed)

    def splits(self) -> Mapping[Split, ImageDataset]:
        """Three parts to train on, one to validate on."""
        return {name: FileDataset(files, self.size) for name, files in self._files.items() if files}


def read_labels(root: Path) -> dict[str, int]:
    """The class of every image by its name, as ``ISIC_0000000``.

    Raises:
        InputError: the table is missing or no such table, or a row does not name exactly one of the eight diagnoses.
    """
    rows = ORIGIN.rows(root, _TRUTH, columns=("image", *CLASS_COUNTS))
    labels = {row["image"]: _one_hot(row, where) for where, row in rows}
    ORIGIN.check_count(root, len(labels))
    return labels


def read_lesions(root: Path) -> dict[str, str]:
    """The lesion of every image that has one, by the image's name.

    Raises:
        InputError: the table is missing or no such table.
    """
    return {row["image"]: row["lesion_id"] for _, row in ORIGIN.rows(root, _METADATA, columns=("image", "lesion_id"))}


def _one_hot(row: Mapping[str, str], where: str) -> int:
    hot = [name for name in (*CLASS_COUNTS, "UNK") if name in row and _is_one(row[name], where)]
    if len(hot) != 1 or hot == ["UNK"]:
        found = " and ".join(hot) or "none"
        raise InputError(f"{where}: expected one diagnosis of {', '.join(CLASS_COUNTS)}, found {found}; mend the row")
    return list(CLASS_COUNTS).index(hot[0])


def _is_one(value: str, where: str) -> bool:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if number not in (0, 1):
        raise InputError(f"{where}: expected 0 or 1 in the columns of the diagnoses, found {value!r}")
    return number == 1
