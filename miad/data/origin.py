"""Where public data sets come from, and what to say when one is not there."""

import csv
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from miad.errors import InputError


@dataclass(frozen=True)
class Origin:
    """A public data set as its publisher gives it.

    Args:
        name: what everybody calls it.
        holds: what its root folder holds when it is unpacked.
        url: where it is obtained.
        images: how many labelled images were published.
    """

    name: str
    holds: str
    url: str
    images: int

    def require(self, root: Path, *parts: str) -> Path:
        """The path ``root/part/part...``, which must exist.

        Raises:
            InputError: it does not; names the root, what belongs there, and where it is obtained.
        """
        path = root.joinpath(*parts)
        if not path.exists():
            missing = f"no {path.relative_to(root)} in {root}" if parts else f"no folder {root}"
            raise InputError(
                f"{self.name}: {missing}; expected there: {self.holds}; obtain it from {self.url} and give its folder "
                "as data.root"
            )
        return path

    def rows(self, root: Path, *parts: str, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
        """The rows of the CSV table ``root/part/part...`` that are not blank, each with the place where it stands.

        Raises:
            InputError: the table is missing, is no CSV table, or lacks one of the columns.
        """
        path = self.require(root, *parts)
        try:
            with path.open(newline="", encoding="utf-8-sig") as file:
                reader = csv.DictReader(file, restval="")
                reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
                missing = [name for name in columns if name not in reader.fieldnames]
                if missing:
                    raise InputError(f"{path}: expected the columns {', '.join(columns)}, found no {missing[0]}")
                for record in reader:
                    row = {name: value.strip() for name, value in record.items() if name is not None}
                    if any(row.values()):
                        yield f"{path}, line {reader.line_num}", row
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"{path}: expected a CSV table with the columns {', '.join(columns)} ({error})") from error

    def check_count(self, root: Path, found: int) -> None:
        """Warn when fewer or more images are labelled than were published: results would not compare."""
        if found != self.images:
            warnings.warn(
                f"{self.name} in {root}: {found} labelled images, published are {self.images}", UserWarning, 2
            )

    def label(self, value: object, highest: int, where: str) -> int:
        """A grade as an integer from 0 to ``highest``.

        Raises:
            InputError: it is something else.
        """
        try:
            number = float(str(value))
        except ValueError:
            number = -1.0
        if number not in range(highest + 1):
            raise InputError(f"{self.name}, {where}: expected a label from 0 to {highest}, found {value!r}")
        return int(number)
