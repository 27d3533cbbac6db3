"""The options of delta, and the removers they name."""

from collections.abc import Sequence
from pathlib import Path

from miad.commands.each_once import check_each_once
from miad.commands.words import split_words
from miad.data import MarkRanges, RandomMarker
from miad.errors import InputError
from miad.models import Remover, find_checkpoint, load_remover
from miad.targets import weights_digest
from miad.tasks import MarkOptions, Protection
from miad.vaccine import Vaccine, VaccineOptions

DEFAULT_VACCINE = VaccineOptions()
"""Repaired; see `miad.vaccine.PAPER` for the papers' own."""

NO_VACCINE = VaccineOptions("none")
"""Images are marked as they are."""


def load_removers(paths: str) -> dict[str, Remover]:
    """The removers of folders or checkpoints, separated by commas, by the folders' names.

    Raises:
        InputError: one can not be read, or two have one name or the same weights.
    """
    places = [Path(word) for word in split_words(paths)]
    names = [_name(place) for place in places]
    removers = [load_remover(find_checkpoint(place)) for place in places]
    check_each_once("remover", [*zip(names, map(weights_digest, removers), strict=True)])
    return dict(zip(names, removers, strict=True))


def _name(place: Path) -> str:
    """A run's, also of one of its checkpoints; a file's own elsewhere."""
    if place.is_dir():
        return place.name
    return place.parent.parent.name if place.parent.name == "checkpoints" else place.stem


def load_vaccine(options: VaccineOptions, removers: str, weights: Sequence[float] | None) -> Vaccine | None:
    """What makes the deltas; None where there are to be none.

    Args:
        options: which delta.
        removers: what it is made against, as of `load_removers`.
        weights: one a remover; equal by default.

    Raises:
        InputError: a remover is missing, wrong, or given for nothing.
    """
    networks = load_removers(removers)
    if networks and not options.optimised:
        raise InputError(
            f"expected --vaccine.kind delta_d or delta_i with --removers, found {options.kind}; it asks no remover"
        )
    return None if options.kind == "none" else Vaccine(options, [*networks.values()], weights)


def marker_of(options: MarkOptions) -> RandomMarker:
    """Marks such as the attack's own, anywhere."""
    return RandomMarker([options.logo], MarkRanges(options.scale, options.scale, *options.alpha, options.mode))


def describe_protection(protection: Protection) -> list[object]:
    """All that the deltas depend on."""
    vaccine = protection.vaccine
    return [repr(vaccine.options), vaccine.weights, protection.spare, weights_digest(vaccine)]
