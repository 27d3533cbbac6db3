"""Messidor: 1,200 fundus photographs of three French ophthalmology departments, with retinopathy grades 0 to 3."""

import io
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import xlrd

from miad.data.files import ImageFile, hold_out
from miad.data.fundus import Fundus
from miad.data.grades import grade_classes, grade_labels
from miad.data.origin import Origin
from miad.errors import InputError

BASES = tuple(f"Base{department}{part}" for department in (1, 2, 3) for part in (1, 2, 3, 4))
"""A hundred photographs each."""

ORIGIN = Origin(
    name="Messidor",
    holds="Base11/*.tif ... Base34/*.tif and Annotation_Base11.xls ... Annotation_Base34.xls, beside or inside of them",
    url="https://www.adcis.net/en/third-party/messidor/",
    images=1200,
)
GRADE_COUNTS = (546, 153, 247, 254)
"""Images of each grade as published (Decenciere et al. 2014), before the corrections."""

# Errata of the publisher's page (ORIGIN.url).
DUPLICATES = {
    # 16 August 2017: in Base33, each of these shows the same photograph as the one on its right.
    "20051202_54744_0400_PP.tif": "20051202_55582_0400_PP.tif",
    "20051202_40508_0400_PP.tif": "20051202_41076_0400_PP.tif",
    "20051202_41238_0400_PP.tif": "20051202_48287_0400_PP.tif",
    "20051202_41260_0400_PP.tif": "20051202_48586_0400_PP.tif",
    "20051202_54530_0400_PP.tif": "20051202_55457_0400_PP.tif",
    "20051205_33025_0400_PP.tif": "20051202_55626_0400_PP.tif",
    "20051202_55607_0400_PP.tif": "20051202_54783_0400_PP.tif",
    "20051202_41034_0400_PP.tif": "20051202_48575_0400_PP.tif",
    "20051205_35099_0400_PP.tif": "20051205_32966_0400_PP.tif",
    "20051202_54555_0400_PP.tif": "20051202_55484_0400_PP.tif",
    "20051205_35110_0400_PP.tif": "20051205_32981_0400_PP.tif",
    "20051202_54611_0400_PP.tif": "20051202_55562_0400_PP.tif",
    "20051202_55498_0400_PP.tif": "20051202_54547_0400_PP.tif",
}
CONTRADICTED = frozenset({"20051205_33025_0400_PP.tif", "20051202_55626_0400_PP.tif"})
"""February 2018: one photograph, graded 3 and 2; nobody can say which holds, so both are left out."""
CORRECTIONS = {
    "20051020_63045_0100_PP.tif": 0,  # 31 August 2016, Base11, was 3
    "20051020_64007_0100_PP.tif": 3,  # 24 October 2016, Base11, was 1
    "20051020_63936_0100_PP.tif": 1,  # 24 October 2016, Base11, was 3
    "20060523_48477_0100_PP.tif": 3,  # 24 October 2016, Base13, was 2
}

_COLUMNS = ("Image name", "Retinopathy grade")
_HIGHEST = 3
_DAMAGED = (xlrd.XLRDError, xlrd.compdoc.CompDocError, OSError, LookupError, ValueError, AssertionError, struct.error)
"""What xlrd raises for a file that is cut short or is something else."""


class Messidor(Fundus):
    """Messidor in its publisher's layout, without its duplicated photographs and with its corrected grades.

    Split 3:1, stratified by grade; the set does not say which photographs belong to one patient.

    Args:
        root: folder with Base11 ... Base34 and their annotations.
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
        grades = correct_grades(read_grades(self.root))
        labels = grade_labels(list(grades.values()), referable=referable)
        files = [
            ImageFile(id_, ORIGIN.require(self.root, id_), label) for id_, label in zip(grades, labels, strict=True)
        ]
        self.files = hold_out(files, seed)


def read_grades(root: Path) -> dict[str, int]:
    """The retinopathy grade of every annotated photograph, as published; ids are ``Base11/NAME.tif``.

    Raises:
        InputError: there are no annotations, or one can not be read or holds a grade outside of 0 to 3.
    """
    tables = {base: path for base in BASES if (path := _annotation(root, base)) is not None}
    if not tables:
        ORIGIN.require(root)
        ORIGIN.require(root, "Annotation_Base11.xls")
    grades = {f"{base}/{name}": grade for base, path in tables.items() for name, grade in _rows(path)}
    ORIGIN.check_count(root, len(grades))
    return grades


def correct_grades(grades: Mapping[str, int]) -> dict[str, int]:
    """The grades with the publisher's corrections and without the duplicated photographs."""
    left_out = DUPLICATES.keys() | CONTRADICTED
    names = {id_: id_.rpartition("/")[2] for id_ in grades}
    return {id_: CORRECTIONS.get(names[id_], grade) for id_, grade in grades.items() if names[id_] not in left_out}


def _annotation(root: Path, base: str) -> Path | None:
    names = (f"Annotation_{base}.xls", f"Annotation {base}.xls")
    places = (folder / name for folder in (root, root / base) for name in names)
    return next((path for path in places if path.is_file()), None)


def _rows(path: Path) -> Iterator[tuple[str, int]]:
    try:
        sheet = xlrd.open_workbook(path, logfile=io.StringIO()).sheet_by_index(0)  # else xlrd prints what it suspects
    except _DAMAGED as error:
        raise InputError(f"{path}: expected an Excel 97 table, found a file that can not be read ({error})") from error
    header = [str(value).strip() for value in sheet.row_values(0)] if sheet.nrows else []
    if not set(_COLUMNS) <= set(header):
        raise InputError(f"{path}: expected the columns {' and '.join(_COLUMNS)}, found {', '.join(header) or 'none'}")
    name, grade = map(header.index, _COLUMNS)
    for index in range(1, sheet.nrows):
        row = sheet.row_values(index)
        if str(row[name]).strip():
            yield str(row[name]).strip(), ORIGIN.label(row[grade], _HIGHEST, f"{path}, line {index + 1}")
