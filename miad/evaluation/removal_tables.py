"""The removal matrix: what a study's rows come to."""

from collections.abc import Mapping, Sequence
from math import isnan, nan
from statistics import fmean
from typing import TypeAlias

Row: TypeAlias = Mapping[str, str | float]

_BY = ("vaccine", "made_on", "order", "family", "texture", "removed_by")
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


_COSTS = ("delta_bytes", "remainder_bytes", "record_bytes", "png_bytes")
_PROTECTION = ("psnr_protected", "psnr_inside_protected", "mask_iou", "accuracy")


def family_rows(matrix: Sequence[Row], exact: str) -> list[dict[str, str | float]]:
    """What each delta costs in a key, and what it protects: a row a case and adversary.

    Args:
        matrix: of `removal_matrix`.
        exact: what removed the mark exactly; what remains there is delta.

    Returns:
        Rows of cases that a key undoes, with ``png_share``, the record's part of the original's PNG; ``psnr_delta``,
        PSNR of the image with delta to the original; and what the adversary left.
    """
    cases: dict[tuple[str | float, ...], list[Row]] = {}
    for row in matrix:
        cases.setdefault(tuple(row[name] for name in _BY[:-1]), []).append(row)
    found = []
    for names, own in cases.items():
        alone = next((row for row in own if row["removed_by"] == exact), None)
        if alone is not None:
            case = dict(zip(_BY[:-1], names, strict=True)) | _cost(alone)
            found += [{**case, **_protection(row)} for row in own]
    return found


def _cost(alone: Row) -> dict[str, float]:
    costs = {name: float(alone[name]) for name in _COSTS}
    return costs | {"png_share": costs["record_bytes"] / costs["png_bytes"], "psnr_delta": float(alone["psnr"])}


def _protection(row: Row) -> dict[str, str | float]:
    return {"removed_by": row["removed_by"]} | {name: float(row[name]) for name in _PROTECTION}


def _means(rows: Sequence[Row]) -> dict[str, float]:
    names = [name for name in rows[0] if name not in (*_BY, "image")]
    means = {name: _mean([float(row[name]) for row in rows]) for name in names}
    accuracies = [value for name, value in means.items() if name.startswith(_ACCURACY)]
    return {"accuracy": fmean(accuracies) if accuracies else nan} | means


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not isnan(value)]
    return fmean(known) if known else nan
