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
