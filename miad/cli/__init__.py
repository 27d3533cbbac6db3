"""The command line: find the command, parse its function's signature, call it.

Nothing heavy is imported until the command is known, so help and mistakes are answered at once.
"""

import signal
import sys
from collections.abc import Sequence
from types import FrameType

from miad.cli.words import COMMANDS, find_command, overview
from miad.errors import MiadError, printable

EXIT_BAD_INPUT = 2
EXIT_SIGNAL = 128
"""Plus the signal's number, as shells have it."""

_GO_ON = "interrupted; the same command goes on where it stopped"


class Interrupted(BaseException):
    """Ctrl-C or a polite kill; not a KeyboardInterrupt, because Lightning turns those into exit code 1."""


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; bad input ends with one line on stderr and exit code 2."""
    words = list(sys.argv[1:] if argv is None else argv)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    try:
        sys.exit(_dispatch(words))
    except MiadError as error:
        _fail(_one_line(error), EXIT_BAD_INPUT)
    except KeyboardInterrupt:
        _fail(_GO_ON, EXIT_SIGNAL + signal.SIGINT)
    except Interrupted as stop:
        _fail(_GO_ON, EXIT_SIGNAL + stop.args[0])


def _interrupt(number: int, _: FrameType | None) -> None:
    raise Interrupted(number)


def _dispatch(words: list[str]) -> int:
    if words[:1] == ["--version"]:
        from miad import __version__

        return _say(f"miad {__version__}")
    command, rest = find_command(words)
    if command not in COMMANDS:
        return _say(overview(command))
    from miad.cli.execute import execute  # imports jsonargparse, and the command's own modules

    return execute(command, rest)


def _say(text: str) -> int:
    sys.stdout.write(text + "\n")
    return 0


def _one_line(error: MiadError) -> str:
    """The message; loader processes hand errors on with their whole traceback before it."""
    name = f"{type(error).__module__}.{type(error).__name__}: "
    return " ".join(str(error).rpartition(name)[2].split())


def _fail(message: str, code: int) -> None:
    sys.stderr.write(f"miad: error: {printable(message)}\n")
    sys.exit(code)
