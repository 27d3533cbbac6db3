"""The removal matrix: what a study's rows come to."""

from collections.abc import Mapping, Sequence
from math import isnan, nan
from statistics import fmean
from typing import TypeAlias

Row: TypeAlias = Mapping[str, str | float]

_BY = ("vaccine", "made_on", "order", "texture", "removed_by")
_ACCURACY = "accuracy/"


def removal_matrix(rows: Sequence[Row]) -> list[dict[str, str | float]]:
    """The mean over images, for every case and adversary, in the order in which they first come.

    Args:
        rows: of `RemovalStudy.judge`, of all images.

    Returns:
        Rows with ``images``, their number, and ``accuracy``, the mean over the classifiers.
    """
    groups: dict[tuple[str | float, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in _BY), []).append(row)
    return [{**dict(zip(_BY, names, strict=True)), "images": len(own), **_means(own)} for names, own in groups.items()]


def _means(rows: Sequence[Row]) -> dict[str, float]:
    names = [name for name in rows[0] if name not in (*_BY, "image")]
    means = {name: _mean([float(row[name]) for row in rows]) for name in names}
    accuracies = [value for name, value in means.items() if name.startswith(_ACCURACY)]
    return {"accuracy": fmean(accuracies) if accuracies else nan} | means


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not isnan(value)]
    return fmean(known) if known else nan
