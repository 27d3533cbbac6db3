"""EyePACS (Kaggle Diabetic Retinopathy Detection 2015): 35,126 graded fundus photographs, two a patient."""

import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from miad.data.files import ImageFile, hold_out
from miad.data.fundus import Fundus
from miad.data.grades import grade_classes, grade_labels
from miad.data.origin import Origin
from miad.errors import InputError, check_at_least

ORIGIN = Origin(
    name="EyePACS",
    holds="trainLabels.csv and train/10_left.jpeg ...",
    url="https://www.kaggle.com/c/diabetic-retinopathy-detection/data",
    images=35126,
)
GRADE_COUNTS = (25810, 2443, 5292, 873, 708)
"""Images of each grade as published."""
_HIGHEST = 4


class EyePACS(Fundus):
    """EyePACS in Kaggle's layout: 3:1 by patient, then as many training images of every class.

    MedLocker (section 3.1) trains on 500 images of each class; the images that are left over are not used. The
    validation images keep the shares of the whole.

    Args:
        root: folder with trainLabels.csv and train.
        referable: ask only whether the grade is 2 or more.
        per_class: training images of each class; null takes all.
        seed: seed of the split and of the choice.
        options: see `Fundus`.
    """

    def __init__(
        self,
        root: Path,
        referable: bool = False,
        per_class: int | None = 500,
        seed: int = 2023,
        **options: Any,  # noqa: ANN401  (the options of Fundus)
    ) -> None:
        super().__init__(root, **options)
        self.classes = grade_classes(_HIGHEST, referable=referable)
        grades = read_grades(self.root)
        labels = grade_labels(list(grades.values()), referable=referable)
        sides = hold_out([_file(self.root, *pair) for pair in zip(grades, labels, strict=True)], seed)
        if per_class is not None:
            sides["train"] = draw_per_class(sides["train"], self.classes, per_class, seed)
        self.files = sides


def read_grades(root: Path) -> dict[str, int]:
    """The grade of every labelled photograph by its name, as ``10_left``.

    Raises:
        InputError: the table is missing or no such table, or a grade is not one of 0 to 4.
    """
    rows = ORIGIN.rows(root, "trainLabels.csv", columns=("image", "level"))
    grades = {row["image"]: ORIGIN.label(row["level"], _HIGHEST, where) for where, row in rows}
    ORIGIN.check_count(root, len(grades))
    return grades


def draw_per_class(files: Sequence[ImageFile], classes: Sequence[str], count: int, seed: int) -> list[ImageFile]:
    """``count`` images of every class, in their order.

    Raises:
        InputError: a class has fewer.
    """
    check_at_least(1, per_class=count)
    sizes = Counter(file.label for file in files)
    for label, name in enumerate(classes):
        if sizes[label] < count:
            raise InputError(
                f"expected {count} training images of class {name}, found {sizes[label]}; give a smaller "
                "data.per_class, or null to take all"
            )
    generator = random.Random(seed)
    chosen = {
        file.id
        for label in range(len(classes))
        for file in generator.sample([file for file in files if file.label == label], count)
    }
    return [file for file in files if file.id in chosen]


def _file(root: Path, name: str, label: int) -> ImageFile:
    id_ = f"train/{name}.jpeg"
    return ImageFile(id_, ORIGIN.require(root, id_), label, patient=name.partition("_")[0])
