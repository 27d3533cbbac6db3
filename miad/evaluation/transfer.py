"""Does a mark also fool a classifier that the search never saw?

Leave-one-out is MIAD-MARK's protocol (Figures 2b and 2c): search on all models but one, test on that one. The matrix
is MedLocker's (Tables 1 and 2): search on one model, test on every other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import NamedTuple

import torch
from torch import Tensor

from miad.measures import accuracy, auc_micro
from miad.search import Status
from miad.tensors import Labels, Probabilities


@dataclass(frozen=True)
class JudgedCell:
    """One search on some sources, and every target's verdict on what it marked.

    Args:
        name: how tables call the sources.
        search: name of the search.
        sources: names of the classifiers searched on.
        weights: of the sources, summing to 1.
        labels: int64 ``(n,)``.
        status: what became of each image.
        queries: of each image.
        quality: mean SSIM and PSNR of the attacked images.
        before: each target's probabilities ``(n, c)`` on the originals.
        after: the same on the marked images; on the original where there was no room for a mark.
    """

    name: str
    search: str
    sources: tuple[str, ...]
    weights: tuple[float, ...]
    labels: Labels
    status: tuple[Status, ...]
    queries: tuple[int, ...]
    quality: Mapping[str, float]
    before: Mapping[str, Probabilities]
    after: Mapping[str, Probabilities]

    def attacked(self) -> Tensor:
        """Which images every source read correctly, and had room for the mark, bool ``(n,)``."""
        return torch.tensor([status in (Status.SUCCESS, Status.FAILED) for status in self.status], dtype=torch.bool)

    def fooled(self) -> Tensor:
        """On which images the sources were fooled, bool ``(n,)``."""
        return torch.tensor([status is Status.SUCCESS for status in self.status], dtype=torch.bool)

    def read(self, target: str) -> Tensor:
        """Which originals a target reads correctly, bool ``(n,)``."""
        return self.before[target].argmax(1) == self.labels

    def misread(self, target: str) -> Tensor:
        """Which marked images a target misreads, bool ``(n,)``."""
        return self.after[target].argmax(1) != self.labels


SEEN = "seen"
"""What tables call the sources as a target."""


class TransferRow(NamedTuple):
    """What one search did to one target; shares are nan where no image counts."""

    sources: str
    search: str
    target: str
    role: str
    """seen (the sources, or their weighted mean), source (one of several), or unseen."""
    images: int
    """Attacked: every source read the original correctly, and there was room for the mark."""
    accuracy_before: float
    accuracy_after: float
    auc_micro_before: float
    auc_micro_after: float
    asr: float
    """Share of the attacked images that the target read correctly before and misreads after."""
    queries_mean: float
    queries_median: float
    queries_p90: float
    """What nine of ten images stay within."""
    ssim: float
    psnr: float


class MatrixRow(NamedTuple):
    """One cell of MedLocker's tables."""

    sources: str
    search: str
    target: str
    """A target that was not searched on, or `SEEN` for the sources themselves."""
    images: int
    """Read correctly by every network of the table; for targets not searched on, only those that fool the sources."""
    asr: float
    """Share of them that the target misreads."""


def transfer_rows(cell: JudgedCell) -> list[TransferRow]:
    """A row for the sources' weighted mean and for every target but a single source."""
    attacked = cell.attacked()
    pairs = {SEEN: (_mean(cell, cell.before), _mean(cell, cell.after))}
    pairs |= {name: (cell.before[name], cell.after[name]) for name in cell.before if (name,) != cell.sources}
    return [
        _transfer_row(cell, name, before[attacked], after[attacked], cell.labels[attacked])
        for name, (before, after) in pairs.items()
    ]


def matrix_rows(cell: JudgedCell) -> list[MatrixRow]:
    """A row for the sources, and for every target that is not among them."""
    common = cell.attacked() & torch.stack([cell.read(target) for target in cell.before]).all(0)
    rows = [MatrixRow(cell.name, cell.search, SEEN, int(common.sum()), _share(cell.fooled()[common]))]
    chosen = common & cell.fooled()
    return rows + [
        MatrixRow(cell.name, cell.search, target, int(chosen.sum()), _share(cell.misread(target)[chosen]))
        for target in cell.before
        if target not in cell.sources
    ]


def _transfer_row(
    cell: JudgedCell, target: str, before: Probabilities, after: Probabilities, labels: Labels
) -> TransferRow:
    role = SEEN if target == SEEN else "source" if target in cell.sources else "unseen"
    read = before.argmax(1) == labels
    queries = torch.tensor(cell.queries, dtype=torch.float64)[cell.attacked()]
    return TransferRow(
        sources=cell.name,
        search=cell.search,
        target=target,
        role=role,
        images=len(labels),
        accuracy_before=accuracy(before, labels),
        accuracy_after=accuracy(after, labels),
        auc_micro_before=auc_micro(before, labels),
        auc_micro_after=auc_micro(after, labels),
        asr=_share(after.argmax(1)[read] != labels[read]),
        queries_mean=float(queries.mean()),
        queries_median=_quantile(queries, 0.5),
        queries_p90=_quantile(queries, 0.9),
        ssim=cell.quality["ssim"],
        psnr=cell.quality["psnr"],
    )


def _mean(cell: JudgedCell, probabilities: Mapping[str, Probabilities]) -> Probabilities:
    weights = torch.tensor(cell.weights)[:, None, None]
    return (torch.stack([probabilities[name] for name in cell.sources]) * weights).sum(0)


def _quantile(values: Tensor, share: float) -> float:
    return float(values.quantile(share)) if len(values) else nan


def _share(chosen: Tensor) -> float:
    return float(chosen.double().mean())


def wide(
    rows: Sequence[tuple[str, str, float]], order: Sequence[str] = ()
) -> tuple[list[str], list[str], list[list[float]]]:
    """Values by row and column name as a table: row names, column names, values (nan where there is none).

    Args:
        rows: row name, column name, value.
        order: columns that come first; others follow as they appear.
    """
    lines = list(dict.fromkeys(line for line, _, _ in rows))
    found = list(dict.fromkeys(column for _, column, _ in rows))
    columns = [*(name for name in order if name in found), *(name for name in found if name not in order)]
    values = {(line, column): value for line, column, value in rows}
    return lines, columns, [[values.get((line, column), float("nan")) for column in columns] for line in lines]
