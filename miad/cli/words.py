"""The words of the command line, and what to say when one is wrong."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

from miad.errors import InputError


class Command(NamedTuple):
    """Where a command lives."""

    function: str
    """``module:function``."""
    summary: str
    """The first line of the function's docstring; a test keeps them equal."""


COMMANDS = {
    "demo": Command("miad.commands.demo:demo", "Show the whole walk on drawn images, in a few minutes."),
    "fit classifier": Command("miad.commands.fit:classifier", "Train a classifier."),
    "fit segmenter": Command("miad.commands.fit:segmenter", "Train a lesion segmenter."),
    "fit remover": Command("miad.commands.fit:remover", "Train a watermark remover."),
    "test classifier": Command("miad.commands.test:classifier", "Test a trained classifier."),
    "test segmenter": Command("miad.commands.test:segmenter", "Test a trained lesion segmenter."),
    "test remover": Command("miad.commands.test:remover", "Test a trained watermark remover."),
    "attack": Command("miad.commands.attack:attack", "Mark images so that classifiers fail."),
    "recover": Command("miad.commands.recover:recover", "Restore the originals of marked images, bit for bit."),
    "keys new": Command("miad.commands.keys_new:new", "Make an identity for a user."),
    "keys grant": Command("miad.commands.keys_grant:grant", "Let others restore images."),
    "keys inspect": Command(
        "miad.commands.keys_inspect:inspect", "Show what a key holds, and what a grant is for and for whom."
    ),
    "keys verify": Command("miad.commands.keys_verify:verify", "Check a key from end to end."),
    "evaluate transfer": Command(
        "miad.commands.evaluate:transfer", "Test marks on classifiers that the search did not see."
    ),
    "evaluate removal": Command(
        "miad.commands.removal:removal", "Test how well marks, with and without delta, withstand removal."
    ),
    "report": Command(
        "miad.commands.report:report",
        "Lay a paper's tables and figures beside ours, or runs side by side.",
    ),
    "dashboard": Command("miad.commands.dashboard:dashboard", "Make a W&B workspace and a report that compare runs."),
    "bench attack": Command("miad.commands.bench.attack:attack", "Measure where the time of an attack goes."),
    "bench search": Command("miad.commands.bench.search:search", "Measure how fast the engine searches."),
    "bench growth": Command("miad.commands.bench.growth:growth", "Measure how the engine's speed and memory grow."),
    "bench composite": Command(
        "miad.commands.bench.composite:composite", "Measure how fast candidates are composited."
    ),
    "bench gradcam": Command("miad.commands.bench.gradcam:gradcam", "Measure how fast Grad-CAM makes heatmaps."),
    "bench delta": Command("miad.commands.bench.delta:delta", "Measure how fast deltas are made."),
    "bench recover": Command("miad.commands.bench.recover:recover", "Measure how fast originals are recovered."),
}
SEARCH_WORDS = {
    "random": ("RandomSearch",),
    "grid": ("GridSearch",),
    "he": ("HeuristicEvolution", "--search.sit", "0"),
    "he_sit": ("HeuristicEvolution", "--search.sit", "1"),
    "bhe": ("BasinHoppingEvolution", "--search.mutation", "basin_hopping"),
    "bhe_random": ("BasinHoppingEvolution", "--search.mutation", "random"),
    "basin_hopping": ("BasinHopping",),
    "de": ("DifferentialEvolution",),
    "learned": ("LearnedPlaces",),
}
"""The papers' names of the searches, and the words that they stand for."""

_HELP = {"-h", "--help"}


def find_command(words: Sequence[str]) -> tuple[str, list[str]]:
    """The command (or the first word of several, or nothing when help is asked for) and the words after it.

    Raises:
        InputError: there is no such command; names the nearest.
    """
    typed = [word for word in words[:2] if not word.startswith("-")]
    for length in (2, 1):
        name = " ".join(typed[:length])
        if len(typed) >= length and name in COMMANDS:
            return name, list(words[length:])
    groups = {name.split()[0] for name in COMMANDS if " " in name}
    if not typed:
        return _no_command(words)
    if typed[0] in groups and not set(words[1:]) - _HELP:
        return typed[0], []
    raise InputError(_wrong_word(typed, groups))


def _no_command(words: Sequence[str]) -> tuple[str, list[str]]:
    if words and words[0] not in _HELP:
        raise InputError(f"expected a command before {words[0]}; see 'miad --help'")
    return "", []


def _wrong_word(typed: Sequence[str], groups: set[str]) -> str:
    if typed[0] in groups:
        choices = [name for name in COMMANDS if name.split()[0] == typed[0]]
        wanted, found = " ".join(typed), get_close_matches(" ".join(typed), choices, n=1, cutoff=0)
    else:
        wanted = typed[0]
        starts = {name.split()[0]: name for name in reversed(COMMANDS)}
        found = [starts[word] for word in get_close_matches(wanted, starts, n=1, cutoff=0.5)]
    hint = f"did you mean 'miad {found[0]}'?" if found else "see 'miad --help'"
    return f"'miad {wanted}' is not a command; {hint}"


def overview(start: str = "") -> str:
    """The help of the program, or of the commands that begin with one word."""
    chosen = {name: command for name, command in COMMANDS.items() if name.startswith(start)}
    width = max(map(len, chosen))
    lines = [f"  miad {name:<{width}}  {command.summary}" for name, command in chosen.items()]
    return "\n".join(
        [
            "Publish medical images that people can read and unauthorised AI models can not.",
            *([] if start else ["'miad demo' is where to begin: it needs no data."]),
            "",
            *lines,
            "",
            "'miad COMMAND --help' shows a command's options; 'miad --version' the version.",
        ]
    )
