"""What a user can do wrong, said in one line: what was expected, what was found, what to do.

The command line prints the message and exits with code 2; anything else that is raised is a bug of ours.
"""


class MiadError(Exception):
    """Base of everything a user can mend; the message is one line."""


class InputError(MiadError, ValueError):
    """An argument, a file or a table does not hold what it must."""


class OptionError(InputError):
    """A number is out of its range; the message names it as Python does, and the command line as it is typed.

    Args:
        option: its name.
        wanted: its range, for example ``of at least 1``.
        value: what it is.
        hint: what to do; empty where the range says it.
    """

    def __init__(self, option: str, wanted: str, value: float, hint: str = "") -> None:
        self.option = option
        self.wanted = wanted
        self.value = value
        self.hint = hint
        super().__init__(self.naming(option))

    def __reduce__(self) -> tuple[type["OptionError"], tuple[str, str, float, str]]:
        """Processes hand errors on to each other."""
        return type(self), (self.option, self.wanted, self.value, self.hint)

    def naming(self, name: str) -> str:
        """The message, with the option called by another name."""
        return f"expected {name} {self.wanted}, found {self.value}" + (f"; {self.hint}" if self.hint else "")


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
        OptionError: one is less, or not a number; names it.
    """
    for name, value in options.items():
        if not value >= least:
            raise OptionError(name, f"of at least {least}", value)


def check_share(**options: float) -> None:
    """Every option is a share, 0 to 1.

    Raises:
        OptionError: one is not; names it.
    """
    for name, value in options.items():
        if not 0 <= value <= 1:
            raise OptionError(name, "between 0 and 1", value)


def check_positive(**options: float) -> None:
    """Every option is above zero.

    Raises:
        OptionError: one is not; names it.
    """
    for name, value in options.items():
        if not value > 0:
            raise OptionError(name, "above 0", value)
