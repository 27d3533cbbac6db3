"""What differs between the settings of runs."""

from collections.abc import Sequence
from typing import Any

from miad.evaluation.report.run_folder import RunFolder

_WHERE = {"config", "run.name", "run.root"}
"""Which folder a run is: differs always, and changes nothing."""
_DIGEST = 64
_ABSENT = object()
NO_SETTING = "\N{EN DASH}"
"""Where a run has no such setting."""


def differing_settings(runs: Sequence[RunFolder]) -> dict[str, list[str | None]]:
    """Every setting that is not the same in all runs, with each run's.

    Args:
        runs: those whose settings can not be read are not compared, and get None.
    """
    known = [run.settings for run in runs if run.settings is not None]
    names = dict.fromkeys(name for settings in known for name in settings if name not in _WHERE)
    return {
        name: [None if run.settings is None else _text(run.settings.get(name, _ABSENT)) for run in runs]
        for name in names
        if any(_differ(settings.get(name, _ABSENT), known[0].get(name, _ABSENT)) for settings in known[1:])
    }


def _differ(one: Any, other: Any) -> bool:  # noqa: ANN401  (leaves of YAML)
    """True is not 1, and 1 is 1.0, as in YAML's readers."""
    return one != other or isinstance(one, bool) != isinstance(other, bool)


def _text(value: Any) -> str:  # noqa: ANN401
    if value is _ABSENT:
        return NO_SETTING
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value) or "[]"
    text = str(value)
    if len(text) == _DIGEST and set(text) <= set("0123456789abcdef"):
        return f"{text[:12]}\N{HORIZONTAL ELLIPSIS}"  # sha256
    return text or "(empty)"
