"""Networks that are named together must differ."""

from collections.abc import Sequence

from miad.errors import InputError


def check_each_once(kind: str, networks: Sequence[tuple[str, str]]) -> None:
    """Every network comes once, whatever it is called.

    Args:
        kind: what they are.
        networks: name and digest of each.

    Raises:
        InputError: two have one name, or are the same under two.
    """
    names = [name for name, _ in networks]
    first: dict[str, str] = {}
    for name, digest in networks:
        if digest in first:
            raise InputError(f"expected every {kind} once, found {', '.join(names)}: {_twice(name, first[digest])}")
        first[digest] = name
    if len(set(names)) < len(names):
        raise InputError(f"expected every {kind} once, found {', '.join(names)}; rename one or leave it out")


def _twice(name: str, other: str) -> str:
    if name == other:
        return f"{name} is named twice; leave one out"
    return f"{other} and {name} have the same weights; leave one out"
