"""The adversaries by name."""

from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from typing import NamedTuple

from miad.errors import InputError
from miad.evaluation.adversaries.base import Adversary
from miad.evaluation.adversaries.filters import Blur, Jpeg, Median, NonLocalMeans, Nothing, Resize
from miad.evaluation.adversaries.inpaint import Inpaint
from miad.evaluation.adversaries.known_logo import KnownLogo
from miad.evaluation.adversaries.textured import DENOISERS, KnownTexture


class _Entry(NamedTuple):
    """How an adversary is made, and how from its number if it has one."""

    usual: Callable[[], Adversary]
    tuned: Callable[[str], Adversary] | None = None
    example: str = ""


_ENTRIES = {
    "nothing": _Entry(Nothing),
    "known_logo": _Entry(KnownLogo),
    **{f"known_logo_{name}": _Entry(partial(KnownTexture, name)) for name in DENOISERS},
    "inpaint_telea": _Entry(Inpaint, lambda margin: Inpaint("telea", int(margin)), "inpaint_telea:0"),
    "inpaint_ns": _Entry(lambda: Inpaint("ns"), lambda margin: Inpaint("ns", int(margin)), "inpaint_ns:0"),
    "jpeg": _Entry(Jpeg, lambda quality: Jpeg(int(quality)), "jpeg:50"),
    "median": _Entry(Median, lambda size: Median(int(size)), "median:5"),
    "nlm": _Entry(NonLocalMeans, lambda strength: NonLocalMeans(float(strength)), "nlm:8"),
    "blur": _Entry(Blur, lambda sigma: Blur(float(sigma)), "blur:1.5"),
    "resize": _Entry(Resize, lambda factor: Resize(float(factor)), "resize:0.25"),
}

ADVERSARIES = tuple(_ENTRIES)
"""All names, without parameters."""
FILTERS = ("jpeg", "median", "nlm", "blur", "resize")
"""Those that know nothing of the mark, so that networks can go on from what they leave."""


def adversary(name: str) -> Adversary:
    """The adversary of a name.

    Args:
        name: one of `ADVERSARIES`, some with a parameter behind a colon: ``jpeg:50`` (quality), ``median:5`` (size),
            ``nlm:8`` (strength), ``blur:1.5`` (sigma), ``resize:0.25`` (factor), ``inpaint_ns:0`` (margin).

    Raises:
        InputError: there is no such adversary, or its parameter does not fit.
    """
    word, colon, parameter = name.partition(":")
    if word not in _ENTRIES:
        close = get_close_matches(word, ADVERSARIES, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise InputError(f"expected an adversary, found {name!r}; {hint}known are {', '.join(ADVERSARIES)}")
    return _tune(name, _ENTRIES[word], parameter) if colon else _ENTRIES[word].usual()


def _tune(name: str, entry: _Entry, parameter: str) -> Adversary:
    if entry.tuned is None:
        tunable = ", ".join(word for word, entry in _ENTRIES.items() if entry.tuned)
        raise InputError(f"expected no parameter, found {name!r}; those with one are {tunable}")
    try:
        return entry.tuned(parameter)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"expected a number as in {entry.example}, found {name!r}") from error
