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
from miad.vaccine.forms import Blocks, Form, Free
from miad.vaccine.frozen import check_evaluating, frozen
from miad.vaccine.objective import Marker, Objective
from miad.vaccine.options import VaccineOptions
from miad.vaccine.universal import LARGEST, Lot, ascend_together, tile

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
            not a number where nothing was optimised for the image itself.
        flat: float32 ``(n,)``, 0..1: share of the first gradient that is exactly 0; not a number where nothing was
            optimised for the image itself.
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
        self.universal: Tensor | None = None
        """The delta of the family ``universal``, int8 ``(1 or 3, h, w)``, as `learn` gives it."""

    @property
    def needs_universal(self) -> bool:
        """Whether images get a delta that is learned for all of them."""
        return self.options.kind != "none" and self.options.family == "universal"

    def forward(
        self,
        images: Images,
        generators: Sequence[torch.Generator],
        lesions: Tensor | None = None,
        *,
        grey: bool = False,
        marker: Marker | None = None,
        unmarked: Images | None = None,
        near: Tensor | None = None,
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
            near: bool ``(n, h, w)``, where alone delta of the family ``near`` may be, as of `around`.

        Raises:
            InputError: a remover is in training mode or answers with numbers that are not finite, or there is no
                marker, no universal delta, or no ``near`` where one is needed.
        """
        with torch.inference_mode(mode=False), torch.autocast(images.device.type, enabled=False):
            bounds = self._bounds(images, lesions, near, grey=grey)
            form: Form = Free(bounds)
            if self.options.family == "block":
                form = Blocks(bounds, self.options.block, self.options.eps)
            unknown = torch.full((len(images),), torch.nan, device=images.device)
            if self.options.kind == "none":
                return _vaccinated(images, Ascent(bounds.zeros(), unknown, unknown))
            if self.needs_universal:
                return _vaccinated(images, Ascent(self._lay(bounds), unknown, unknown))
            if self.options.optimised:
                return _vaccinated(images, self._optimise(images, generators, form, marker, unmarked))
            noise = form.limits.noise(self.options.eps, generators)
            return _vaccinated(images, Ascent(form.delta(noise), unknown, unknown))

    def learn(
        self,
        images: Images,
        generators: Sequence[torch.Generator],
        batch_size: int = 8,
        *,
        grey: bool = False,
        marker: Marker | None = None,
    ) -> Tensor:
        """The delta that all these images together gain most by; the family ``universal`` gives it to every image.

        Args:
            images: uint8 ``(n, 3, h, w)``, on the removers' device, at least one.
            generators: one an image; the start is drawn from the first.
            batch_size: images that are differentiated at a time.
            grey: whether the three channels share one delta.
            marker: as of `forward`.

        Returns:
            int8 ``(1 or 3, h, w)`` on the CPU; of larger images the upper left part, which is repeated over them.

        Raises:
            InputError: as of `forward`.
        """
        options = self.options
        with torch.inference_mode(mode=False), torch.autocast(images.device.type, enabled=False):
            sides = [min(side, LARGEST) for side in images.shape[-2:]]
            high = torch.full((1, 1 if grey else 3, *sides), float(options.eps), device=images.device)
            limits = Bounds(-high, high)
            noisy = options.kind == "noise" or options.start == "uniform"
            start = limits.noise(options.eps, generators[:1]) if noisy else limits.zeros()
            if not options.optimised:
                return start[0].to("cpu", torch.int8)
            check_evaluating(self.removers)
            parts = [slice(first, first + batch_size) for first in range(0, len(images), batch_size)]
            lots = [self._lot(images[part], generators[part], marker, grey=grey) for part in parts]
            best = options.host == "clean"
            with frozen(self.removers):
                found = ascend_together(lots, start, options.eps, options.step, options.steps, keep_best=best)
            _check_finite(found)
            return found[0].to("cpu", torch.int8)

    def _lot(self, images: Images, generators: Sequence[torch.Generator], marker: Marker | None, *, grey: bool) -> Lot:
        objective = self._objective(images, generators, marker, None)
        return Lot(objective, self._bounds(images, None, None, grey=grey))

    def _bounds(self, images: Images, lesions: Tensor | None, near: Tensor | None, *, grey: bool) -> Bounds:
        options, kept = self.options, lesions
        if options.family == "near" and options.kind != "none":
            if near is None:
                raise InputError("expected the marks' places for a delta near them, found none; take another family")
            kept = ~near if lesions is None else lesions.to(near.device) | ~near
        return find_bounds(images, options.eps, kept, grey=grey, spare=options.saturation == "spare")

    def _lay(self, bounds: Bounds) -> Tensor:
        """The universal delta on images of these bounds."""
        if self.universal is None:
            raise InputError("expected a universal delta, found none; learn it first")
        channels, height, width = bounds.low.shape[1:]
        own = self.universal[:channels].to(bounds.low.device, torch.float32)
        return bounds.clip_(tile(own, (height, width)).expand(bounds.low.shape).clone())

    def _objective(
        self, images: Images, generators: Sequence[torch.Generator], marker: Marker | None, unmarked: Images | None
    ) -> Objective:
        mark = _bind(marker, generators) if self.options.host == "marked" else None
        return Objective(images, [*zip(self.removers, self.weights, strict=True)], self.options, mark, unmarked)

    def _optimise(
        self,
        images: Images,
        generators: Sequence[torch.Generator],
        form: Form,
        marker: Marker | None,
        unmarked: Images | None,
    ) -> Ascent:
        options = self.options
        check_evaluating(self.removers)
        objective = self._objective(images, generators, marker, unmarked)
        start = form.limits.noise(options.eps, generators) if options.start == "uniform" else form.limits.zeros()

        def worth(values: Tensor) -> Tensor:
            return objective(form.delta(values))

        best = options.host == "clean"
        with frozen(self.removers):
            found = ascend(worth, start, form.limits, options.step, options.steps, keep_best=best)
        _check_finite(found.worth)
        _warn_of_flat(found.flat)
        return found._replace(delta=form.delta(found.delta), worth=objective.direction * found.worth)


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
