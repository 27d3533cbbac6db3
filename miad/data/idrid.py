"""IDRiD (Porwal et al. 2018): Indian fundus photographs, graded, and with their lesions drawn."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from miad.data.files import ImageFile, hold_out
from miad.data.fundus import Fundus
from miad.data.grades import grade_classes, grade_labels
from miad.data.origin import Origin

_URL = "https://ieee-dataport.org/open-access/indian-diabetic-retinopathy-image-dataset-idrid"
GRADING = Origin(
    name="IDRiD grading",
    holds="'B. Disease Grading' with '1. Original Images' and '2. Groundtruths'",
    url=_URL,
    images=516,
)
SEGMENTATION = Origin(
    name="IDRiD segmentation",
    holds="'A. Segmentation' with '1. Original Images' and '2. All Segmentation Groundtruths'",
    url=_URL,
    images=81,
)
GRADE_COUNTS = {"train": (134, 20, 136, 74, 49), "test": (34, 5, 32, 19, 13)}
"""Images of each grade as published."""
_HIGHEST = 4
_IMAGES = "1. Original Images"
_SETS = {"train": "a. Training Set", "test": "b. Testing Set"}
_LABELS = {
    "train": "a. IDRiD_Disease Grading_Training Labels.csv",
    "test": "b. IDRiD_Disease Grading_Testing Labels.csv",
}

Lesion: TypeAlias = Literal["ma", "he", "ex", "se", "od"]
"""Microaneurysms, haemorrhages, hard exudates, soft exudates, and the optic disc, which is none."""
LESIONS: tuple[Lesion, ...] = ("ma", "he", "ex", "se")
KINDS: dict[Lesion, str] = {
    "ma": "microaneurysms",
    "he": "haemorrhages",
    "ex": "hard exudates",
    "se": "soft exudates",
    "od": "optic disc",
}
_LESION_FOLDERS: dict[Lesion, str] = {
    "ma": "1. Microaneurysms",
    "he": "2. Haemorrhages",
    "ex": "3. Hard Exudates",
    "se": "4. Soft Exudates",
    "od": "5. Optic Disc",
}


class IDRiD(Fundus):
    """IDRiD's grading part in its publisher's layout: his test images, and 3:1 of his training images.

    Args:
        root: folder with 'B. Disease Grading'.
        referable: ask only whether the grade is 2 or more.
        seed: seed of the 3:1 split.
        options: see `Fundus`.
    """

    def __init__(
        self,
        root: Path,
        referable: bool = False,
        seed: int = 2023,
        **options: Any,  # noqa: ANN401  (the options of Fundus)
    ) -> None:
        super().__init__(root, **options)
        self.classes = grade_classes(_HIGHEST, referable=referable)
        grades = {name: read_grades(self.root, name) for name in _SETS}
        GRADING.check_count(self.root, sum(map(len, grades.values())))
        train, test = (self._graded(name, grades[name], referable=referable) for name in _SETS)
        self.files = {**hold_out(train, seed), "test": test}

    def _graded(self, name: str, grades: dict[str, int], *, referable: bool) -> list[ImageFile]:
        labels = grade_labels(list(grades.values()), referable=referable)
        folder = f"B. Disease Grading/{_IMAGES}/{_SETS[name]}"
        ids = [f"{folder}/{image}.jpg" for image in grades]
        return [ImageFile(id_, GRADING.require(self.root, id_), label) for id_, label in zip(ids, labels, strict=True)]


class IDRiDLesions(Fundus):
    """IDRiD's segmentation part in its publisher's layout: his test images, and 3:1 of his training images.

    Every photograph shows retinopathy, so there is one class.

    Args:
        root: folder with 'A. Segmentation'.
        lesions: which kinds make up the lesion mask: ma, he, ex, se, od.
        seed: seed of the 3:1 split.
        options: see `Fundus`.
    """

    classes = ("retinopathy",)

    def __init__(
        self,
        root: Path,
        lesions: Sequence[Lesion] = LESIONS,
        seed: int = 2023,
        **options: Any,  # noqa: ANN401  (the options of Fundus)
    ) -> None:
        super().__init__(root, **options)
        self.kinds = tuple(KINDS[lesion] for lesion in lesions)
        train, test = ([self._drawn(name, path, lesions) for path in self._photographs(name)] for name in _SETS)
        SEGMENTATION.check_count(self.root, len(train) + len(test))
        self.files = {**hold_out(train, seed), "test": test}

    def _photographs(self, name: str) -> list[Path]:
        folder = SEGMENTATION.require(self.root, "A. Segmentation", _IMAGES, _SETS[name])
        return sorted(folder.glob("IDRiD_*.jpg"))

    def _drawn(self, name: str, photograph: Path, lesions: Sequence[Lesion]) -> ImageFile:
        truths = ("A. Segmentation", "2. All Segmentation Groundtruths", _SETS[name])
        folders = {kind: SEGMENTATION.require(self.root, *truths, _LESION_FOLDERS[kind]) for kind in lesions}
        masks = {KINDS[kind]: folder / f"{photograph.stem}_{kind.upper()}.tif" for kind, folder in folders.items()}
        # A photograph without lesions of a kind has no file for it.
        found = {kind: mask for kind, mask in masks.items() if mask.is_file()}
        id_ = photograph.relative_to(self.root).as_posix()
        return ImageFile(id_, photograph, 0, masks=tuple(found.values()), kinds=tuple(found), examined=True)


def read_grades(root: Path, name: str) -> dict[str, int]:
    """The retinopathy grade of every photograph of a set, ``train`` or ``test``, by its name, as ``IDRiD_001``.

    Raises:
        InputError: the table is missing or no such table, or a grade is not one of 0 to 4.
    """
    image, grade = columns = ("Image name", "Retinopathy grade")
    rows = GRADING.rows(root, "B. Disease Grading", "2. Groundtruths", _LABELS[name], columns=columns)
    return {row[image]: GRADING.label(row[grade], _HIGHEST, where) for where, row in rows}
