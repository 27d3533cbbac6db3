"""The closing measures of an attack, from its entries alone."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from math import isinf, nan
from statistics import fmean

import torch
from torch import Tensor

from miad.measures import accuracy, auc_macro, auc_micro
from miad.search import Status
from miad.tasks import Entry

_SCORES = {"accuracy": accuracy, "auc_micro": auc_micro, "auc_macro": auc_macro}
_COMPARED = ("accuracy_before", "accuracy_after", "auc_micro_before", "auc_micro_after", "asr")


def attack_measures(
    entries: Sequence[Entry], targets: Sequence[str], weights: Sequence[float], scale: float
) -> dict[str, float]:
    """What an attack achieved.

    Measures without a suffix are over the attacked images (those that every source read correctly and that had room
    for the mark), as the papers have it; ``_all`` is over every image, skipped and infeasible ones included.
    ``asr/NAME`` is the share of the attacked images that this target read correctly before and misreads after.
    ``sources/asr`` and the like are means over the targets that were searched on, ``unseen/asr`` over the others; their
    names are the same for all runs, so that these compare.

    ``lesions_covered`` counts the images whose mark touches a pixel of the given lesion mask, ``lesion_pixels_covered``
    those pixels; ``lesion_caught`` is the mean share of a lesion that the mask in use held. ``without_mask`` counts the
    images whose data set gives no mask, ``gave_way`` those that got a smaller logo, or a mask of a higher threshold,
    for lack of room. ``queries_p90`` is what nine of ten attacked images stay within. ``delta`` is the mean of the
    deltas' root mean squares.

    Args:
        entries: one an image.
        targets: names in the order of the entries' probabilities, sources first.
        weights: of the sources; more than one adds their weighted mean as the target ``ensemble``.
        scale: of the logo, as it was asked for.

    Returns:
        Names and values; nan where there is nothing to measure. PSNR is the mean over the images that differ at all.
    """
    attacked = [entry for entry in entries if entry.status in (Status.SUCCESS, Status.FAILED)]
    measures = {**_counts(entries), **_effort(attacked), **_quality(attacked), **_lesions(entries, scale)}
    for name, before, after in _by_target(attacked, targets, weights):
        measures |= _scores(name, "", attacked, before, after)
        measures[f"asr/{name}"] = _success_rate(attacked, before, after)
    for name, before, after in _by_target(entries, targets, weights):
        measures |= _scores(name, "_all", entries, before, after)
    groups = {"sources": targets[: len(weights)], "unseen": targets[len(weights) :]}
    return measures | {name: value for group, own in groups.items() for name, value in _means(measures, group, own)}


def _means(measures: Mapping[str, float], group: str, targets: Sequence[str]) -> Iterator[tuple[str, float]]:
    """What an attack does to the targets of a group, if it has any."""
    for name in _COMPARED if targets else ():
        yield f"{group}/{name}", _mean([measures[f"{name}/{target}"] for target in targets])


def _counts(entries: Sequence[Entry]) -> dict[str, float]:
    count = Counter(entry.status for entry in entries)
    attacked = count[Status.SUCCESS] + count[Status.FAILED]
    numbers = {"images": len(entries), "attacked": attacked, **{status.value: count[status] for status in Status}}
    rate = count[Status.SUCCESS] / attacked if attacked else nan
    return {**{name: float(number) for name, number in numbers.items()}, "success_rate": rate}


def _effort(attacked: Sequence[Entry]) -> dict[str, float]:
    queries = torch.tensor([float(entry.queries) for entry in attacked] or [nan], dtype=torch.float64)
    return {
        "queries_mean": float(queries.mean()),
        "queries_median": float(queries.quantile(0.5)),
        "queries_p90": float(queries.quantile(0.9)),
        "queries_max": float(queries.max()),
    }


def _quality(marked: Sequence[Entry]) -> dict[str, float]:
    return {
        "ssim": _mean([entry.ssim for entry in marked]),
        "psnr": _mean([entry.psnr for entry in marked if not isinf(entry.psnr)]),
        "rmse": _mean([entry.rmse for entry in marked]),
        "delta": _mean([entry.delta for entry in marked]),
    }


def _lesions(entries: Sequence[Entry], scale: float) -> dict[str, float]:
    marked = [entry for entry in entries if entry.file]
    return {
        "without_mask": float(sum(entry.lesion < 0 for entry in entries)),
        "lesions_covered": float(sum(entry.covered > 0 for entry in marked)),
        "lesion_pixels_covered": float(sum(entry.covered for entry in marked)),
        "lesion_caught": _mean([entry.caught / entry.lesion for entry in entries if entry.lesion > 0]),
        "gave_way": float(sum(entry.scale > scale or entry.raised > 0 for entry in marked)),
    }


def _by_target(
    entries: Sequence[Entry], targets: Sequence[str], weights: Sequence[float]
) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Each target's name and its probabilities ``(n, c)`` before and after."""
    shape = (len(entries), len(targets), -1) if entries else (0, len(targets), 1)
    before = torch.tensor([entry.before for entry in entries]).reshape(shape)
    after = torch.tensor([entry.after for entry in entries]).reshape(shape)
    for index, name in enumerate(targets):
        yield name, before[:, index], after[:, index]
    if len(weights) > 1:
        beta = torch.tensor(weights)
        mean_before, mean_after = (torch.einsum("nkc,k->nc", part[:, : len(weights)], beta) for part in (before, after))
        yield "ensemble", mean_before, mean_after


def _scores(name: str, suffix: str, entries: Sequence[Entry], before: Tensor, after: Tensor) -> dict[str, float]:
    labels = _labels(entries)
    return {
        f"{score}_{when}{suffix}/{name}": function(probabilities, labels)
        for score, function in _SCORES.items()
        for when, probabilities in (("before", before), ("after", after))
    }


def _success_rate(entries: Sequence[Entry], before: Tensor, after: Tensor) -> float:
    labels = _labels(entries)
    read = before.argmax(1) == labels
    return float((after.argmax(1) != labels)[read].float().mean())


def _labels(entries: Sequence[Entry]) -> Tensor:
    return torch.tensor([entry.label for entry in entries], dtype=torch.int64)


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else nan
