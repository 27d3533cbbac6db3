"""How long work takes."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from statistics import median
from typing import NamedTuple

import torch


def seconds(work: Callable[[], object]) -> float:
    """Seconds until the work is done, by the device as well."""
    start = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


class Work(NamedTuple):
    """Something to time."""

    things: int
    """That it does."""
    do: Callable[[], object]


class Rates:
    """Things a second that several works did, in several turns.

    Args:
        turns: a rate for each work, by name, in each turn.
    """

    def __init__(self, turns: Sequence[Mapping[str, float]]) -> None:
        self.turns = turns

    @property
    def names(self) -> set[str]:
        """Of the works."""
        return {name for turn in self.turns for name in turn}

    def rate(self, name: str) -> float:
        """Things a second, the median of the turns."""
        return median(turn[name] for turn in self.turns)

    def ratio(self, name: str, base: str) -> float:
        """How much faster one work is than another, the median of the turns' own ratios."""
        return median(turn[name] / turn[base] for turn in self.turns)


def take_turns(works: Mapping[str, Work], repeats: int, warm: Collection[str] = ()) -> Rates:
    """Time works by turns, so that what slows the machine for a while slows them all.

    Each work is done once before, untimed, since the first time allocates and compiles.

    Args:
        works: by name, in the order of a turn.
        repeats: turns.
        warm: names of works that were done before already.
    """
    for name, work in works.items():
        if name not in warm:
            work.do()
    return Rates([{name: work.things / seconds(work.do) for name, work in works.items()} for _ in range(repeats)])
