"""What an ensemble makes of candidates, giving up on those that can not matter any more."""

from typing import NamedTuple

import torch
from torch import Tensor

from miad.targets.ensemble import Ensemble, Views
from miad.tensors import Labels, Probabilities

_SLACK = 1e-5
"""Far more than sums of probabilities are off by rounding."""


class Verdict(NamedTuple):
    """What an ensemble makes of n images."""

    probabilities: Probabilities
    """``(n, k, c)``; 0 for members that were not asked."""
    confidence: Tensor
    """The weighted mean's probability of the label, float32 ``(n,)``; where members were not asked, no more than it."""
    lead: Tensor
    """As of `Ensemble.lead`; -1 where members were not asked."""
    misread: Tensor
    """Bool ``(n,)``."""


def judge(ensemble: Ensemble, seen: Views, labels: Labels, cutoff: Tensor | None = None) -> Verdict:
    """Ask the members, the cheapest first, and drop each image as soon as the others can not make it matter.

    An image matters if it may yet be misread, or if its confidence may yet be no more than its cutoff. What is said of
    images that were not dropped is what all members say of them.

    Args:
        ensemble: the members.
        seen: n images, as of `miad.targets.views`.
        labels: int64 ``(n,)``.
        cutoff: float ``(n,)``; by default no image is dropped.
    """
    if cutoff is None or len(ensemble.members) == 1:
        return _verdict(ensemble, ensemble.read(seen), labels, torch.zeros_like(labels, dtype=torch.bool))
    shape = (len(labels), len(ensemble.members), len(ensemble.members[0].classes))
    probabilities = torch.zeros(shape, device=labels.device)
    left = torch.arange(len(labels), device=labels.device)
    asked: list[int] = []
    for member in ensemble.cheapest_first:
        target = ensemble.members[member]
        probabilities[left, member] = target(seen[target.size])
        asked.append(member)
        matters = _matters(ensemble, probabilities[left], labels[left], cutoff[left], asked)
        left, seen = left[matters], {size: images[matters] for size, images in seen.items()}
        if not len(left):
            break
    dropped = torch.ones_like(labels, dtype=torch.bool)
    dropped[left] = False
    return _verdict(ensemble, probabilities, labels, dropped)


def _matters(
    ensemble: Ensemble, probabilities: Probabilities, labels: Labels, cutoff: Tensor, asked: list[int]
) -> Tensor:
    """Whether each image may be misread yet, or have a confidence of its cutoff or less: bool ``(n,)``."""
    rest = [member for member in range(len(ensemble.members)) if member not in asked]
    if not rest:
        return torch.ones_like(labels, dtype=torch.bool)
    own = ensemble.confidence(probabilities, labels)
    if ensemble.success == "mean":
        others = ensemble.mean(probabilities).scatter(1, labels[:, None], -1.0).amax(1)
        possible = others + ensemble.weights[rest].sum().to(others.device) + _SLACK >= own
    else:
        wrong = (probabilities[:, asked].argmax(2) != labels[:, None]).sum(1)
        possible = wrong + len(rest) >= ensemble.needed
    return possible | (own <= cutoff + _SLACK)


def _verdict(ensemble: Ensemble, probabilities: Probabilities, labels: Labels, dropped: Tensor) -> Verdict:
    return Verdict(
        probabilities,
        ensemble.confidence(probabilities, labels),
        ensemble.lead(probabilities, labels).masked_fill(dropped, -1.0),
        ensemble.misread(probabilities, labels) & ~dropped,
    )
