"""Images listed in a CSV: ``image,label[,mask][,patient][,split]``, paths relative to the CSV's folder.

Everything that can be wrong with a table is found before any work starts, and named with its line.
"""

import csv
import posixpath
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import numpy as np

from miad.data.base import ImageDataModule, ImageDataset, Split
from miad.data.partition import partition
from miad.errors import InputError
from miad.imaging import image_size, read_image
from miad.tensors import LesionMask, Pixels


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    id: str
    path: Path
    label: str
    mask: Path | None
    patient: str
    split: str


class Table(ImageDataModule):
    """Images and labels from a CSV file with the columns image,label[,mask][,patient][,split].

    Split by the column where there is one (train, val, test), else 3:1 into train and val, stratified by label and
    grouped by patient.

    Args:
        csv: the table; paths in it are relative to its folder.
        classes: class names in the order of the logits; by default the labels found, sorted.
        size: working size in pixels: images become size x size; None keeps each image's own.
        batch_size: images a training or test batch.
        workers: loader processes; 0 reads in the main process.
        augment: turn and shift the training images, and change their brightness.
        seed: seed of the 3:1 split.
    """

    def __init__(
        self,
        csv: Path,
        classes: list[str] | None = None,
        size: int | None = None,
        batch_size: int = 32,
        workers: int = 0,
        augment: bool = True,
        seed: int = 2023,
    ) -> None:
        super().__init__(size, batch_size, workers, augment=augment)
        self.rows = read_table(Path(csv))
        self.classes = _classes(Path(csv), self.rows, classes)
        self._split_of = _assign_splits(Path(csv), self.rows, self.classes, seed)

    def splits(self) -> Mapping[Split, ImageDataset]:
        """The rows of each split that has any."""
        chosen = {name: [r for r in self.rows if self._split_of[r.id] == name] for name in get_args(Split)}
        return {name: RowDataset(rows, self.classes, self.size) for name, rows in chosen.items() if rows}


class RowDataset(ImageDataset):
    """The images of some rows of a table."""

    def __init__(self, rows: Sequence[Row], classes: Sequence[str], size: int | None) -> None:
        super().__init__([row.id for row in rows], [classes.index(row.label) for row in rows], size)
        self.rows = list(rows)

    def pixels(self, index: int) -> Pixels:
        """Decode one file."""
        return read_image(self.rows[index].path)

    def shape(self, index: int) -> tuple[int, int]:
        """From the file's header."""
        return image_size(self.rows[index].path) if self.size is None else super().shape(index)

    def lesion_mask(self, index: int) -> LesionMask | None:
        """Decode the mask: every pixel that is not black is lesion.

        Raises:
            InputError: the mask can not be read, or is not of the image's size.
        """
        row = self.rows[index]
        if row.mask is None:
            return None
        if image_size(row.mask) != image_size(row.path):
            (height, width), (h, w) = image_size(row.path), image_size(row.mask)
            raise InputError(f"{row.mask}: expected a mask of {width}x{height} as {row.path}, found {w}x{h}")
        mask = read_image(row.mask)
        lesion: LesionMask = np.asarray(np.atleast_3d(mask).any(axis=2))
        return lesion


def read_table(path: Path) -> list[Row]:
    """All rows of a table, checked.

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
            _check_columns(path, reader.fieldnames)
            rows = [_row(path, reader.line_num, record) for record in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: expected a CSV table with the columns image,label ({error})") from error
    if not rows:
        raise InputError(f"{path}: expected at least one row, found none")
    _check_unique(path, rows)
    return rows


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    missing = [name for name in ("image", "label") if name not in columns]
    if missing:
        raise InputError(
            f"{path}: expected the columns image,label[,mask][,patient][,split], found no {' and no '.join(missing)}"
        )


def _row(path: Path, line: int, record: dict[str, str | None]) -> Row:
    cells = {name: (value or "").strip() for name, value in record.items() if isinstance(name, str)}
    for name in ("image", "label"):
        if not cells[name]:
            raise InputError(f"{path}, line {line}: the {name} is empty; fill it in or take the row out")
    split = cells.get("split", "")
    if split not in ("", *get_args(Split)):
        raise InputError(f"{path}, line {line}: expected split train, val or test, found {split!r}")
    mask = path.parent / cells["mask"] if cells.get("mask") else None
    image = path.parent / cells["image"]
    for file in (image, mask):
        if file is not None and not file.is_file():
            raise InputError(f"{path}, line {line}: {file}: no such file; copy it there or take the row out")
    return Row(posixpath.normpath(cells["image"]), image, cells["label"], mask, cells.get("patient", ""), split)


def _check_unique(path: Path, rows: Sequence[Row]) -> None:
    twice = [id_ for id_, count in Counter(row.id for row in rows).items() if count > 1]
    if twice:
        raise InputError(f"{path}: {twice[0]} is listed twice ({len(twice)} such images); keep one row an image")


def _classes(path: Path, rows: Sequence[Row], wanted: Sequence[str] | None) -> tuple[str, ...]:
    found = {row.label for row in rows}
    if wanted is None:
        return tuple(sorted(found, key=_natural))
    unknown = sorted(found - set(wanted))
    if unknown:
        raise InputError(f"{path}: expected the labels {', '.join(wanted)}, found {unknown[0]!r}")
    return tuple(wanted)


def _natural(label: str) -> tuple[bool, int, str]:
    """Grades sort as numbers and before words."""
    return (not label.isdecimal(), int(label) if label.isdecimal() else 0, label)


def _assign_splits(path: Path, rows: Sequence[Row], classes: Sequence[str], seed: int) -> dict[str, str]:
    if any(row.split for row in rows):
        blank = next((row for row in rows if not row.split), None)
        if blank is not None:
            raise InputError(f"{path}: {blank.id}: the split is empty though other rows have one; fill it in")
        return {row.id: row.split for row in rows}
    try:
        held_out = partition([classes.index(row.label) for row in rows], [row.patient for row in rows], seed)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return {row.id: "val" if out else "train" for row, out in zip(rows, held_out, strict=True)}
