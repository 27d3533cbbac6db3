"""From images to images with delta (MIAD-MARK eq. 1, 3, 4; Liu et al., "Watermark Vaccine", ECCV 2022)."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from miad.errors import InputError
from miad.models.removers import Remover
from miad.tensors import Images
from miad.vaccine.ascent import Ascent, ascend
from miad.vaccine.bounds import Bounds, find_bounds
from miad.vaccine.frozen import check_evaluating, frozen
from miad.vaccine.objective import Marker, Objective
from miad.vaccine.options import VaccineOptions

_FLAT = 0.99
"""Share of an image's gradient that may be exactly 0 without a warning."""


@dataclass(frozen=True)
class Vaccinated:
    """Images with their delta, where the images were.

    Args:
        protected: uint8 ``(n, 3, h, w)``.
        delta: int8 ``(n, 3, h, w)``: exactly what was added, ``protected`` less the images; within -eps..eps, and 0 on
            lesions.
        loss: float32 ``(n,)``, of the protected pixels over all removers: large is good for delta_D, small for delta_I;
            not a number where nothing was optimised.
        flat: float32 ``(n,)``, 0..1: share of the first gradient that is exactly 0; not a number where nothing was
            optimised.
    """

    protected: Images
    delta: Tensor
    loss: Tensor
    flat: Tensor


class Vaccine(nn.Module):
    """Makes deltas.

    Args:
        options: which delta.
        removers: what it is made against; noise and none ask no remover.
        weights: one a remover, above 0; equal by default. They are scaled to sum to 1.

    Raises:
        InputError: no remover where one is needed, or weights that do not fit.
    """

    def __init__(
        self, options: VaccineOptions, removers: Sequence[Remover] = (), weights: Sequence[float] | None = None
    ) -> None:
        super().__init__()
        if options.optimised and not removers:
            raise InputError(f"expected at least one remover for {options.kind}, found none; give one, or take 'noise'")
        if weights and (len(weights) != len(removers) or not all(weight > 0 for weight in weights)):
            raise InputError(f"expected {len(removers)} weights above 0, one a remover, found {list(weights)}")
        self.options = options
        self.removers = nn.ModuleList(removers)
        given = weights or [1.0] * len(removers)
        self.weights = [weight / sum(given) for weight in given]

    def forward(
        self,
        images: Images,
        generators: Sequence[torch.Generator],
        lesions: Tensor | None = None,
        *,
        grey: bool = False,
        marker: Marker | None = None,
        unmarked: Images | None = None,
    ) -> Vaccinated:
        """Give every image its own delta, in float32 whatever the precision around; the removers are left as they were.

        Args:
            images: uint8 ``(n, 3, h, w)``, on the removers' device.
            generators: one an image, on the CPU, from which all that is random about it is drawn.
            lesions: bool ``(n, h, w)``, where delta stays 0.
            grey: whether the three channels share one delta, as a grey file has one channel.
            marker: puts marks on hosts, where the options ask for marked ones.
            unmarked: the images without their marks, where delta is added to marked ones; uint8 ``(n, 3, h, w)``. What
                delta_D keeps removers from is to make these.

        Raises:
            InputError: a remover is in training mode or answers with numbers that are not finite, or there is no
                marker where one is needed.
        """
        with torch.inference_mode(mode=False), torch.autocast(images.device.type, enabled=False):
            bounds = find_bounds(images, self.options.eps, lesions, grey=grey)
            if self.options.optimised:
                return _vaccinated(images, self._optimise(images, generators, bounds, marker, unmarked))
            unknown = torch.full((len(images),), torch.nan, device=images.device)
            delta = bounds.noise(self.options.eps, generators) if self.options.kind == "noise" else bounds.zeros()
            return _vaccinated(images, Ascent(delta, unknown, unknown))

    def _optimise(
        self,
        images: Images,
        generators: Sequence[torch.Generator],
        bounds: Bounds,
        marker: Marker | None,
        unmarked: Images | None,
    ) -> Ascent:
        options = self.options
        check_evaluating(self.removers)
        mark = _bind(marker, generators) if options.host == "marked" else None
        objective = Objective(images, [*zip(self.removers, self.weights, strict=True)], options, mark, unmarked)
        start = bounds.noise(options.eps, generators) if options.start == "uniform" else bounds.zeros()
        with frozen(self.removers):
            found = ascend(objective, start, bounds, options.step, options.steps, keep_best=mark is None)
        _check_finite(found.worth)
        _warn_of_flat(found.flat)
        return found._replace(worth=objective.direction * found.worth)


def _bind(marker: Marker | None, generators: Sequence[torch.Generator]) -> Callable[[Tensor], Tensor]:
    if marker is None:
        raise InputError("expected a marker for marked hosts, found none; give one, or take the host 'clean'")
    return lambda hosts: marker(hosts, generators)


def _check_finite(worth: Tensor) -> None:
    if not worth.isfinite().all():
        raise InputError(
            "expected finite answers of the removers, found values that are not numbers; their weights or their "
            "training are broken, take others"
        )


def _warn_of_flat(flat: Tensor) -> None:
    count = int((flat > _FLAT).sum())
    if count:
        warnings.warn(
            f"the removers hardly react to delta: over {_FLAT:.0%} of the gradient is exactly 0 on {count} of "
            f"{len(flat)} images; take start 'uniform' and, for delta_d, a mask_bonus above 0, or other removers",
            UserWarning,
            2,
        )


def _vaccinated(images: Images, found: Ascent) -> Vaccinated:
    protected = (images + found.delta).to(torch.uint8)
    delta = (protected.to(torch.int16) - images.to(torch.int16)).to(torch.int8)
    return Vaccinated(protected, delta, found.worth, found.flat)
