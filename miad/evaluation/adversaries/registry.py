"""The adversaries by name."""

from collections.abc import Callable
from difflib import get_close_matches
from typing import NamedTuple

from miad.errors import InputError
from miad.evaluation.adversaries.base import Adversary
from miad.evaluation.adversaries.filters import Blur, Jpeg, Median, Nothing, Resize
from miad.evaluation.adversaries.inpaint import Inpaint
from miad.evaluation.adversaries.known_logo import KnownLogo


class _Tunable(NamedTuple):
    """An adversary with one number."""

    build: Callable[[str], Adversary]
    example: str


_FIXED: dict[str, Callable[[], Adversary]] = {
    "nothing": Nothing,
    "known_logo": KnownLogo,
    "inpaint_telea": lambda: Inpaint("telea"),
    "inpaint_ns": lambda: Inpaint("ns"),
    "jpeg": Jpeg,
    "median": Median,
    "blur": Blur,
    "resize": Resize,
}
_TUNABLE = {
    "jpeg": _Tunable(lambda word: Jpeg(int(word)), "jpeg:50"),
    "median": _Tunable(lambda word: Median(int(word)), "median:5"),
    "blur": _Tunable(lambda word: Blur(float(word)), "blur:1.5"),
    "resize": _Tunable(lambda word: Resize(float(word)), "resize:0.5"),
}

ADVERSARIES = tuple(_FIXED)
"""All names, without parameters."""


def adversary(name: str) -> Adversary:
    """The adversary of a name.

    Args:
        name: one of `ADVERSARIES`; a filter may have its parameter behind a colon, such as ``jpeg:50``, ``median:5``,
            ``blur:1.5`` or ``resize:0.5``.

    Raises:
        InputError: there is no such adversary, or its parameter does not fit.
    """
    word, colon, parameter = name.partition(":")
    if word not in _FIXED:
        close = get_close_matches(word, ADVERSARIES, n=1)
        hint = f"did you mean {close[0]}? " if close else ""
        raise InputError(f"expected an adversary, found {name!r}; {hint}known are {', '.join(ADVERSARIES)}")
    return _tune(name, word, parameter) if colon else _FIXED[word]()


def _tune(name: str, word: str, parameter: str) -> Adversary:
    if word not in _TUNABLE:
        raise InputError(f"expected {word} without a parameter, found {name!r}; only {', '.join(_TUNABLE)} have one")
    build, example = _TUNABLE[word]
    try:
        return build(parameter)
    except InputError:
        raise
    except ValueError as error:
        raise InputError(f"expected a number as in {example}, found {name!r}") from error
