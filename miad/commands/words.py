"""Options that name several things."""

from collections.abc import Sequence
from typing import TypeVar

from miad.errors import InputError

Word = TypeVar("Word", bound=str)


def split_words(text: str) -> list[str]:
    """What stands between commas, without the space around it; empty words are left out."""
    return [word.strip() for word in text.split(",") if word.strip()]


def read_words(text: str, known: Sequence[Word]) -> list[Word]:
    """Known words, separated by commas, each once.

    Raises:
        InputError: there is none, or one is not known.
    """
    words = split_words(text)
    wrong = next((word for word in words if word not in known), None)
    if wrong is not None or not words:
        found = "nothing" if wrong is None else repr(wrong)
        raise InputError(f"expected one or more of {', '.join(known)}, separated by commas, found {found}")
    return [known[known.index(word)] for word in dict.fromkeys(words)]


def read_counts(option: str, text: str) -> list[int]:
    """Whole numbers of at least 1, separated by commas, each once.

    Args:
        option: how messages call it.
        text: its value.

    Raises:
        InputError: there is none, or one is something else.
    """
    words = split_words(text)
    wrong = next((word for word in words if not (word.isdecimal() and int(word))), None)
    if wrong is not None or not words:
        found = "nothing" if wrong is None else repr(wrong)
        raise InputError(f"expected {option} of whole numbers of at least 1, separated by commas, found {found}")
    return list(dict.fromkeys(map(int, words)))
