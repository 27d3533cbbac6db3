"""Images listed in a CSV: ``image,label[,mask][,patient][,split]``, paths relative to the CSV's folder.

Everything that can be wrong with a table is found before any work starts, and named with its line.
"""

import csv
import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from miad.data.base import ONE_KIND, ImageDataModule, ImageDataset, Split
from miad.data.files import FileDataset, ImageFile, hold_out
from miad.errors import InputError, printable

_SHOWN = 80
"""Letters of a table's first line that a message repeats."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    id: str
    path: Path
    label: str
    masks: dict[str, Path]
    """By kind of lesion; kinds without a mask are left out."""
    patient: str
    split: str


class Table(ImageDataModule):
    """Images and labels from a CSV file with the columns image,label[,mask][,patient][,split].

    Split by the column where there is one (train, val, test), else 3:1 into train and val, stratified by label and
    grouped by patient.

    Args:
        csv: the table; paths in it are relative to its folder.
        classes: class names in the order of the logits; by default the labels found, sorted. A mapping from class
            names to labels puts several labels into one class.
        seed: seed of the 3:1 split.
        kinds: column of the masks of each kind of lesion; by default there is one kind, and its masks are in the column
            mask. Where an image has a mask of some kind, an empty cell of another means that it has no such lesion.
        unlabelled: label of the rows that have none, for a segmenter, which needs no labels; by default there must be
            none.
        loading: see `ImageDataModule`.
    """

    def __init__(
        self,
        csv: Path,
        classes: list[str | int] | dict[str, list[str | int]] | None = None,
        seed: int = 2023,
        kinds: dict[str, str] | None = None,
        unlabelled: str | None = None,
        **loading: Any,  # noqa: ANN401  (the options of ImageDataModule)
    ) -> None:
        super().__init__(**loading)
        rows = read_table(Path(csv), kinds, unlabelled)
        self.kinds = tuple(kinds or ONE_KIND)
        class_of = _classes(Path(csv), rows, classes)
        self.classes = tuple(dict.fromkeys(class_of.values()))
        self._files = _assign_splits(Path(csv), rows, [self.classes.index(class_of[row.label]) for row in rows], seed)

    def splits(self) -> Mapping[Split, ImageDataset]:
        """The rows of each split that has any."""
        return {name: FileDataset(files, self.size, self.kinds) for name, files in self._files.items() if files}


def read_table(path: Path, kinds: Mapping[str, str] | None = None, unlabelled: str | None = None) -> list[Row]:
    """All rows of a table, checked.

    Args:
        path: the CSV file.
        kinds: column of the masks of each kind of lesion; by default the column mask, if there is one.
        unlabelled: label of the rows that have none; by default they are refused.

    Raises:
        InputError: the file or a column is missing, a row's image is absent, listed twice or without a label, or its
            split is not one of train, val and test.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such table; expected a CSV file with the columns image,label")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            reader.fieldnames = [name.strip() for name in reader.fieldnames or []]
            _check_columns(path, reader.fieldnames, kinds)
            columns = kinds or {ONE_KIND[0]: "mask"}
            rows = [_row(path, reader.line_num, record, columns, unlabelled) for record in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: expected a CSV table with the columns image,label ({error})") from error
    if not rows:
        raise InputError(f"{path}: expected at least one row, found none")
    _check_unique(path, rows)
    return rows


def _check_columns(path: Path, columns: Sequence[str], kinds: Mapping[str, str] | None) -> None:
    missing = [name for name in ("image", "label") if name not in columns]
    if missing:
        found = f"no {' and no '.join(missing)} in {printable(','.join(columns))[:_SHOWN]!r}"
        raise InputError(f"{path}: expected the columns image,label[,mask][,patient][,split], found {found}")
    for kind, column in (kinds or {}).items():
        if column not in columns:
            raise InputError(f"{path}: expected a column {column} with the masks of {kind}, found {', '.join(columns)}")


def _row(path: Path, line: int, record: dict[str, str | None], kinds: Mapping[str, str], unlabelled: str | None) -> Row:
    cells = {name: (value or "").strip() for name, value in record.items() if isinstance(name, str)}
    cells["label"] = cells["label"] or unlabelled or ""
    for name, way_out in (("image", ""), ("label", ", or name one for such rows as data.unlabelled")):
        if not cells[name]:
            raise InputError(f"{path}, line {line}: the {name} is empty; fill it in or take the row out{way_out}")
    split = cells.get("split", "")
    if split not in ("", *get_args(Split)):
        raise InputError(f"{path}, line {line}: expected split train, val or test, found {split!r}")
    masks = {kind: path.parent / cells[column] for kind, column in kinds.items() if cells.get(column)}
    image = path.parent / cells["image"]
    for file in (image, *masks.values()):
        if not file.is_file():
            raise InputError(f"{path}, line {line}: {file}: no such file; copy it there or take the row out")
    return Row(posixpath.normpath(cells["image"]), image, cells["label"], masks, cells.get("patient", ""), split)


def _check_unique(path: Path, rows: Sequence[Row]) -> None:
    twice = [id_ for id_, count in Counter(row.id for row in rows).items() if count > 1]
    if twice:
        raise InputError(f"{path}: {twice[0]} is listed twice ({len(twice)} such images); keep one row an image")


def _classes(
    path: Path, rows: Sequence[Row], wanted: Sequence[str | int] | Mapping[str, Sequence[str | int]] | None
) -> dict[str, str]:
    """The class of every label, in the order of the logits."""
    found = {row.label for row in rows}
    if wanted is None:
        return {label: label for label in sorted(found, key=_natural)}
    labels_of = wanted if isinstance(wanted, Mapping) else {str(name): [name] for name in wanted}
    class_of = {str(label): name for name, labels in labels_of.items() for label in labels}
    if len(class_of) < sum(map(len, labels_of.values())) or not all(labels_of.values()):
        raise InputError(f"expected every label in one class, and a label in every class, found {wanted}")
    unknown = sorted(found - set(class_of))
    if unknown:
        raise InputError(f"{path}: expected the labels {', '.join(class_of)}, found {unknown[0]!r}")
    return class_of


def _natural(label: str) -> tuple[bool, int, str]:
    """Grades sort as numbers and before words."""
    return (not label.isdecimal(), int(label) if label.isdecimal() else 0, label)


def _assign_splits(path: Path, rows: Sequence[Row], labels: Sequence[int], seed: int) -> dict[Split, list[ImageFile]]:
    files = [_file(row, label) for row, label in zip(rows, labels, strict=True)]
    if any(row.split for row in rows):
        blank = next((row for row in rows if not row.split), None)
        if blank is not None:
            raise InputError(f"{path}: {blank.id}: the split is empty though other rows have one; fill it in")
        return {name: [f for f, r in zip(files, rows, strict=True) if r.split == name] for name in get_args(Split)}
    try:
        return hold_out(files, seed)
    except InputError as error:
        raise InputError(f"{path}: {error}; or add a column 'split'") from error


def _file(row: Row, label: int) -> ImageFile:
    return ImageFile(row.id, row.path, label, row.patient, tuple(row.masks.values()), tuple(row.masks))
