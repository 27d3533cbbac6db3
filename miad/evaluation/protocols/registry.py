"""All protocols, by paper and name."""

from collections.abc import Sequence
from difflib import get_close_matches

from miad.errors import InputError
from miad.evaluation.papers import PaperName
from miad.evaluation.protocols import accuracy, medlocker, recovery, removal, sweeps
from miad.evaluation.protocols.protocol import Protocol

_ALL = (
    accuracy.FIGURE_2A,
    accuracy.FIGURE_2B,
    accuracy.FIGURE_2C,
    accuracy.FIGURE_3,
    recovery.FIGURE_4B,
    recovery.FIGURE_4C,
    removal.FIGURE_5A,
    removal.FIGURE_5B,
    removal.FIGURE_5C,
    sweeps.FIGURE_6A,
    sweeps.FIGURE_6B,
    sweeps.FIGURE_7,
    removal.FIGURE_8A,
    removal.FIGURE_8B,
    sweeps.FIGURE_9,
    removal.FIGURE_10,
    removal.TABLE_1,
    medlocker.TABLE_1,
    medlocker.TABLE_2,
    medlocker.TABLE_3,
    sweeps.FIGURE_4A,
    medlocker.FIGURE_4B,
)


def protocols_of(paper: PaperName) -> dict[str, Protocol]:
    """A paper's protocols by name, in its order."""
    return {protocol.name: protocol for protocol in _ALL if protocol.paper == paper}


def choose_protocols(paper: PaperName, names: Sequence[str]) -> list[Protocol]:
    """Some of them in the paper's order, or all where none is named; ``fig2`` means ``fig2a``, ``fig2b`` and ``fig2c``.

    Raises:
        InputError: there is no such protocol; names the nearest.
    """
    known = protocols_of(paper)
    chosen = {found for name in names for found in _meant(name, list(known))}
    return [protocol for name, protocol in known.items() if name in chosen or not names]


def _meant(name: str, known: Sequence[str]) -> list[str]:
    found = [one for one in known if one == name or one[:-1] == name]
    if not found:
        close = get_close_matches(name, known, n=1, cutoff=0)
        raise InputError(f"expected figures and tables of {', '.join(known)}, found {name!r}; did you mean {close[0]}?")
    return found
