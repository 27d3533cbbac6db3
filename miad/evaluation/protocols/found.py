"""What cells came to, as protocols read it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from miad.evaluation.protocols.cell import AttackCell, Cell, RecoveryCell, RemovalCell
from miad.evaluation.removal_tables import Row
from miad.evaluation.transfer import JudgedCell
from miad.tensors import Pixels


class Missing(NamedTuple):
    """A cell without a result."""

    reason: str
    """One line."""


class Shown(NamedTuple):
    """One picture of an image, and what a classifier says of it."""

    image: str
    """Id of the image."""
    kind: str
    """original, lesion, marked, recovered, a remover's name, ..."""
    pixels: Pixels
    label: str
    predicted: str
    """Empty where no classifier reads it."""
    probability: float

    @property
    def note(self) -> str:
        """For under the picture; a wrong class is told as wrong."""
        if not self.predicted:
            return ""
        return f"{self.predicted} {self.probability:.2f}" + ("" if self.predicted == self.label else " (wrong)")


@dataclass(frozen=True)
class AttackFound:
    """An attack.

    Args:
        judged: its outcome, and every classifier's verdicts.
        classes: names of the labels.
        shown: the originals (``original``) and marked images (``marked``) of some images that it fooled its sources on,
            as the classifier ``read_by`` reads them.
                lesions: picture of heatmaps, masks and blocked places, PNG; empty where there is none.
        learning_queries: what the search asked once, before any image; 0 where it does not learn.
    """

    judged: JudgedCell
    classes: tuple[str, ...]
    shown: Sequence[Shown]
    lesions: bytes = b""
    learning_queries: int = 0


@dataclass(frozen=True)
class RemovalFound:
    """A removal.

    Args:
        rows: of `removal_matrix`: means over the images, an adversary a row.
        shown: what each adversary leaves of some images.
    """

    rows: Sequence[Row]
    shown: Sequence[Shown]

    def value(self, removed_by: str, measure: str) -> float | None:
        """A mean; None where that adversary took no part."""
        return next((float(row[measure]) for row in self.rows if row["removed_by"] == removed_by), None)


@dataclass(frozen=True)
class RecoveryFound:
    """A recovery.

    Args:
        rows: means over the images, by ``kind``: original, marked, mark taken off, recovered.
        shown: some images of each kind.
    """

    rows: Sequence[Row]
    shown: Sequence[Shown]


@dataclass(frozen=True)
class Findings:
    """The results of one seed.

    Args:
        results: by cell; a `Missing` for those that have none.
    """

    results: Mapping[Cell, AttackFound | RemovalFound | RecoveryFound | Missing]

    def attack(self, cell: AttackCell) -> AttackFound | None:
        """That of a cell, None where it is missing."""
        found = self.results.get(cell)
        return found if isinstance(found, AttackFound) else None

    def removal(self, cell: RemovalCell) -> RemovalFound | None:
        """The same of a removal."""
        found = self.results.get(cell)
        return found if isinstance(found, RemovalFound) else None

    def recovery(self, cell: RecoveryCell) -> RecoveryFound | None:
        """The same of a recovery."""
        found = self.results.get(cell)
        return found if isinstance(found, RecoveryFound) else None
