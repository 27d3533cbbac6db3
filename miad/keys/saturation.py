"""The image under a delta that is known, where delta was kept inside of 0..255.

Away from black and white the image is the host less delta. Near them several levels may have led to one: which of them
it was has to be told, and costs nothing elsewhere.
"""

from typing import Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

Rule: TypeAlias = Literal["clip", "spare"]
"""As `VaccineOptions.saturation`."""


class Choices(NamedTuple):
    """The levels that may have led to each value of a host: ``first + place * step``, 0 <= place < count. All int64."""

    first: NDArray[np.int64]
    step: NDArray[np.int64]
    counts: NDArray[np.int64]


def choices(host: NDArray[np.int64], nominal: NDArray[np.int64], eps: int, rule: Rule) -> Choices:
    """What may have been there.

    Args:
        host: with delta, 0..255.
        nominal: delta before the rule, -255..255, the same shape.
        eps: largest delta; ``spare`` gives none to levels below eps or above 255 - eps.
        rule: what was done near black and white.
    """
    if rule == "clip":
        return _clipped(host, nominal)
    given, left = host - nominal, host
    may_be_given = (given >= eps) & (given <= 255 - eps) & (nominal != 0)
    may_be_left = (left < eps) | (left > 255 - eps)
    both = may_be_given & may_be_left
    return Choices(np.where(may_be_given, given, left), nominal, np.where(both, 2, 1))


def _clipped(host: NDArray[np.int64], nominal: NDArray[np.int64]) -> Choices:
    """Above it was cut at 255, below at 0: all that reaches beyond came to the same. Margins are black or white."""
    white, black = (host == 255) & (nominal > 0), (host == 0) & (nominal < 0)
    first = np.where(white | black, host, host - nominal)
    return Choices(first, np.where(white, -1, 1), np.where(white | black, np.abs(nominal) + 1, 1))
