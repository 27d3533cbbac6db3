"""Whether runs saw the same images."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from miad.evaluation.report.run_folder import RunFolder

_DIGESTS = ("inputs.images", "inputs.val")
"""Of the images that a run's measures are of."""
_HOW = {"workers", "batch_size", "augment", "balanced", "size"}
"""Options of a data set that change how images are read, not which."""
_SIZES = ("data.init_args.size", "model.size")


class Images(StrEnum):
    """What is known of the images of several runs."""

    SAME = "same"
    RESIZED = "resized"
    """The same, as far as settings tell, at different sizes."""
    DIFFERENT = "different"
    UNKNOWN = "unknown"


def compare_images(runs: Sequence[RunFolder]) -> Images:
    """Whether all runs measured on the same images: by their digests, or where a run keeps none by its settings."""
    digests, choices = {_digest(run) for run in runs}, {_choice(run) for run in runs}
    if len(digests) == 1 and None not in digests:
        return Images.SAME
    if len(choices) == 1 and None not in choices:
        if len({_sizes(run) for run in runs}) > 1:
            return Images.RESIZED
        return Images.SAME if digests == {None} else Images.DIFFERENT
    return Images.DIFFERENT if len(choices - {None}) > 1 or len(digests - {None}) > 1 else Images.UNKNOWN


def alike(runs: Sequence[RunFolder]) -> list[list[RunFolder]]:
    """The runs that surely measured on the same images, two or more together."""
    groups: dict[str, list[RunFolder]] = {}
    for run in runs:
        if digest := _digest(run):
            groups.setdefault(digest, []).append(run)
    return [group for group in groups.values() if len(group) > 1]


def data_words(run: RunFolder) -> str | None:
    """A run's data set in a few words: its class, and its file or folder; None where it is not known."""
    settings = run.settings or {}
    name = settings.get("data.class_path")
    if name is None:
        return None
    keys = ("csv", "folder", "root", "kind", "size", "classes")
    given = {key: settings.get(f"data.init_args.{key}") for key in keys}
    details = [f"{key} {value}" for key, value in given.items() if value is not None]
    return " ".join([str(name).rpartition(".")[2], f"({', '.join(details)})" if details else ""]).strip()


def _digest(run: RunFolder) -> str | None:
    settings = run.settings or {}
    return next((str(settings[name]) for name in _DIGESTS if settings.get(name)), None)


def _choice(run: RunFolder) -> str | None:
    """All settings that choose a run's images, as text."""
    settings = run.settings or {}
    data = [(name, settings[name]) for name in sorted(settings) if name.startswith("data.") and _chooses(name)]
    drawn = settings.get("per_class")
    rest = [settings.get("split"), drawn, None if drawn is None else settings.get("run.seed")]
    return repr((data, rest)) if data else None


def _chooses(name: str) -> bool:
    return name.rpartition(".")[2] not in _HOW


def _sizes(run: RunFolder) -> tuple[Any, ...]:
    return tuple((run.settings or {}).get(name) for name in _SIZES)
