"""What a user can do wrong, said in one line: what was expected, what was found, what to do.

The command line prints the message and exits with code 2; anything else that is raised is a bug of ours.
"""


class MiadError(Exception):
    """Base of everything a user can mend; the message is one line."""


class InputError(MiadError, ValueError):
    """An argument, a file or a table does not hold what it must."""


class RunError(MiadError):
    """A run's folder can not take this run: it holds another one, or can not be written."""


class KeyMismatchError(MiadError):
    """A key does not fit the images it is used on."""


def printable(text: str) -> str:
    """The text with a question mark for each letter that can not be printed, line ends too; strangers choose names."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def check_at_least(least: float, **options: float) -> None:
    """Every option has at least a value.

    Raises:
        InputError: one is less, or not a number; names it.
    """
    for name, value in options.items():
        if not value >= least:
            raise InputError(f"expected {name} of at least {least}, found {value}")


def check_share(**options: float) -> None:
    """Every option is a share, 0 to 1.

    Raises:
        InputError: one is not; names it.
    """
    for name, value in options.items():
        if not 0 <= value <= 1:
            raise InputError(f"expected {name} between 0 and 1, found {value}")


def check_positive(**options: float) -> None:
    """Every option is above zero.

    Raises:
        InputError: one is not; names it.
    """
    for name, value in options.items():
        if not value > 0:
            raise InputError(f"expected {name} above 0, found {value}")
