"""Several targets under attack at once: the weighted mean of their probabilities (MIAD-MARK eq. 12)."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Literal, TypeAlias

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from miad.errors import InputError
from miad.imaging import resize
from miad.models import evaluating
from miad.targets.target import Target
from miad.tensors import Images, Labels, Probabilities

Success: TypeAlias = Literal["mean", "all"] | int
"""When a mark has succeeded: the weighted mean is wrong, every member is, or at least that many members are."""


Views: TypeAlias = Mapping[int, Tensor]
"""Images as members see them: float ``(n, 3, s, s)`` by size s in pixels."""


class Ensemble(nn.Module):
    """Targets with weights; a single target is an ensemble of one.

    Args:
        targets: the members, all of the same classes.
        weights: beta of eq. 12; equal by default. They are scaled to sum to 1.
        success: when an image counts as misread.

    Raises:
        InputError: no members, other classes, or weights that do not fit.
    """

    weights: Tensor

    def __init__(
        self, targets: Sequence[Target], weights: Sequence[float] | None = None, success: Success = "mean"
    ) -> None:
        super().__init__()
        _check(targets, weights, success)
        self.targets = nn.ModuleList(targets)
        self.members = list(targets)
        beta = torch.tensor(weights or [1.0] * len(targets), dtype=torch.float32)
        self.register_buffer("weights", beta / beta.sum(), persistent=False)
        self.success = success

    def forward(self, images: Images) -> Probabilities:
        """Each member's probabilities, ``(n, k, c)``; members of one size share the resized images."""
        return self.read(views([images], self.members))

    def read(self, seen: Views) -> Probabilities:
        """Each member's probabilities, ``(n, k, c)``, of images as the members see them."""
        return torch.stack([target(seen[target.size]) for target in self.members], 1)

    def mean(self, probabilities: Probabilities) -> Probabilities:
        """Weighted mean over the members in float32: ``(n, k, c)`` to ``(n, c)``."""
        # Not a matrix product: autocast would round those to half precision.
        return (probabilities.float() * self.weights.to(probabilities.device)[:, None]).sum(1)

    def confidence(self, probabilities: Probabilities, labels: Labels) -> Tensor:
        """The weighted mean's probability of the label, float32 ``(n,)``."""
        return self.mean(probabilities).gather(1, labels[:, None])[:, 0]

    def misread(self, probabilities: Probabilities, labels: Labels) -> Tensor:
        """Whether each image counts as misread, bool ``(n,)``."""
        if self.success == "mean":
            return self.mean(probabilities).argmax(1) != labels
        return (probabilities.argmax(2) != labels[:, None]).sum(1) >= self.needed

    def lead(self, probabilities: Probabilities, labels: Labels) -> Tensor:
        """By how much each image is misread, float32 ``(n,)``, -1..1: another class's probability less the label's.

        Of the weighted mean; or, where members are counted, the lead that as many of them reach as are needed.
        """
        own = self.mean(probabilities)[:, None] if self.success == "mean" else probabilities.float()
        index = labels[:, None, None].expand(-1, own.shape[1], 1)
        others = own.scatter(2, index, -1.0).amax(2)
        leads = others - own.gather(2, index)[:, :, 0]
        return leads.sort(1, descending=True).values[:, self.needed - 1]

    @property
    def needed(self) -> int:
        """Members, or means, that must misread an image."""
        if isinstance(self.success, int):
            return self.success
        return len(self.targets) if self.success == "all" else 1

    @cached_property
    def cheapest_first(self) -> list[int]:
        """The members by the floating-point operations that one image takes them."""
        costs = [_operations(target) for target in self.members]
        return sorted(range(len(costs)), key=lambda member: costs[member])

    def all_correct(self, probabilities: Probabilities, labels: Labels) -> Tensor:
        """Whether every member reads the label, bool ``(n,)``."""
        return (probabilities.argmax(2) == labels[:, None]).all(1)


def views(images: Iterable[Images], targets: Iterable[Target]) -> Views:
    """Images as targets see them, resized once for all targets of one size.

    Args:
        images: uint8 ``(n, 3, h, w)`` each, of any sizes; they are joined in order.
        targets: who is to see them.
    """
    seen: dict[int, list[Tensor]] = {size: [] for size in sorted({target.size for target in targets})}
    for batch in images:  # one at a time: photographs are large
        floats = batch.float()
        for size, parts in seen.items():
            parts.append(resize(floats, (size, size)))
    return {size: torch.cat(parts) for size, parts in seen.items()}


@torch.no_grad()
def _operations(target: Target) -> int:
    device = next(target.parameters()).device
    with FlopCounterMode(display=False) as counter, evaluating(target.network):
        target.network(torch.zeros(1, 3, target.size, target.size, device=device))
    return int(counter.get_total_flops())


def _check(targets: Sequence[Target], weights: Sequence[float] | None, success: Success) -> None:
    if not targets:
        raise InputError("expected at least one source, found none; name a classifier to search on")
    for target in targets[1:]:
        if target.classes != targets[0].classes:
            raise InputError(
                f"expected targets of the same classes, found {targets[0].name}: {', '.join(targets[0].classes)} "
                f"and {target.name}: {', '.join(target.classes)}"
            )
    if weights and (len(weights) != len(targets) or not all(weight >= 0 for weight in weights) or sum(weights) <= 0):
        raise InputError(f"expected {len(targets)} weights of at least 0, one a source, found {list(weights)}")
    if success not in ("mean", "all", *range(1, len(targets) + 1)):
        raise InputError(f"expected success of mean, all, or 1 to {len(targets)} sources, found {success}")
