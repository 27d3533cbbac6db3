"""A paper's numbers and how to find them.

``miad.csv`` and ``medlocker.csv`` hold what the papers' text and tables give as a number; what stands in a picture only
is absent. ``note`` says where a paper contradicts itself, or what else a reader should know before he compares.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, TypeAlias

PaperName: TypeAlias = Literal["miad", "medlocker"]

_TITLES: dict[PaperName, str] = {"miad": "MIAD-MARK", "medlocker": "MedLocker"}


class PaperNumber(NamedTuple):
    """One number of a paper."""

    item: str
    """Figure or table: ``fig2b``."""
    measure: str
    """``accuracy``, ``asr``, ``auc_micro``, ``psnr`` (dB), ``ssim``, ``rmse`` (levels), ``queries``, ``range``."""
    data: str
    """Data set, ``all`` for a mean over several."""
    subject: str
    """What was tested: a model, a remover, ``mean``."""
    setting: str
    """How: a search, a vaccine, ``with`` or ``without`` delta."""
    value: float
    """Shares are 0..1, whatever the paper prints."""
    source: str
    """Where in the paper."""
    note: str
    """May be empty."""


@dataclass(frozen=True)
class Paper:
    """All numbers of one paper.

    Args:
        title: how reports call it.
        numbers: all of them.
    """

    title: str
    numbers: tuple[PaperNumber, ...]

    def find(
        self, item: str, measure: str, data: str, subject: str = "", setting: str = "", *, or_all: bool = False
    ) -> PaperNumber | None:
        """A number; None where the paper does not give it.

        Args:
            item: figure or table.
            measure: what was measured.
            data: data set.
            subject: what was tested, spelt anyhow; see `alike`.
            setting: how.
            or_all: take the number over all data sets where there is none for this one.
        """
        for wanted in (data, "all") if or_all else (data,):
            for number in self.numbers:
                same = (number.item, number.measure, number.data, number.setting) == (item, measure, wanted, setting)
                if same and alike(number.subject) == alike(subject):
                    return number
        return None

    def value(
        self, item: str, measure: str, data: str, subject: str = "", setting: str = "", *, or_all: bool = False
    ) -> float | None:
        """The same, without its source."""
        number = self.find(item, measure, data, subject, setting, or_all=or_all)
        return None if number is None else number.value

    def notes(self, item: str, data: str) -> list[str]:
        """What the notes on a figure or table say for one data set, each once."""
        groups: dict[tuple[str, str, str], list[PaperNumber]] = {}
        for number in self.numbers:
            if number.note and number.item == item and number.data in (data, "all"):
                groups.setdefault((number.source, number.measure, number.note), []).append(number)
        return [f"{source}, {measure} {_values(own)}: {note}" for (source, measure, note), own in groups.items()]


def _values(numbers: Sequence[PaperNumber]) -> str:
    """Numbers that share a note, each with what it is of."""
    named = ((number.value, " ".join(filter(None, (number.subject, number.setting)))) for number in numbers)
    return ", ".join(f"{value:g} ({where})" if where else f"{value:g}" for value, where in named)


def alike(name: str) -> str:
    """A name as it is compared: without case, spaces and punctuation (``Inceptionv3``, ``inception_v3``)."""
    return "".join(letter for letter in name.lower() if letter.isalnum() or letter == "/")


@cache
def read_paper(name: PaperName) -> Paper:
    """A paper's numbers."""
    text = files("miad.evaluation.papers").joinpath(f"{name}.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    numbers = (PaperNumber(**{**row, "value": float(row["value"])}) for row in rows)  # type: ignore[arg-type]
    return Paper(_TITLES[name], tuple(numbers))
