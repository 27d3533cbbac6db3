"""Runs side by side, as a report."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from pathlib import Path

from miad import __version__
from miad.evaluation.calls import CALLS
from miad.evaluation.report.choose_runs import read_runs
from miad.evaluation.report.compare_pictures import draw_runs
from miad.evaluation.report.compare_tables import measure_tables, runs_table, settings_table
from miad.evaluation.report.document import Column, Report, Section, Table
from miad.evaluation.report.machine_table import machine_table
from miad.evaluation.report.measure_words import measure_words
from miad.evaluation.report.run_folder import RunFolder
from miad.evaluation.report.same_data import Images, alike, compare_images

_MACHINE = "Machine and time"
_NAMED = 8
"""Runs that the summary names one by one, at most."""
_HEADLINES = {
    "fit classifier": "val/accuracy",
    "fit segmenter": "val/dice",
    "fit remover": "val/psnr_inside",
    "test classifier": "test/accuracy",
    "test segmenter": "test/dice",
    "test remover": "test/psnr_inside",
    "attack": "success_rate",
}
"""The measure that the summary names."""
_SAID = {
    Images.SAME: "All of them measured on the same images.",
    Images.RESIZED: "They measured on the same images, as far as their settings tell, but at different sizes.",
    Images.DIFFERENT: "They measured on different images: their numbers stand beside each other, but "
    "can not be ranked, and nothing is marked as best.",
    Images.UNKNOWN: "Whether they measured on the same images is not known, so nothing is marked as best.",
}


def compare_runs(folders: Sequence[Path]) -> Report:
    """Lay runs side by side: measures, curves, which of their settings differ, and on what they were made.

    Runs of one command are compared with each other, a column each; runs of several commands make several groups. The
    best of every row is marked where the runs measured on the same images; where they did not, the summary says so.
    What is missing or damaged in a run's folder is shown as missing, with the reason; folders that are no runs are
    listed.

    Args:
        folders: of runs, in the order of the columns; one named twice counts once.

    Raises:
        InputError: a folder is not there, or fewer than two are runs.
    """
    runs, left_out = read_runs(folders)
    commands = list(dict.fromkeys(run.command for run in runs))
    groups = [_group([run for run in runs if run.command == command], alone=len(commands) == 1) for command in commands]
    return Report(
        title=f"Comparison of {len(runs)} runs" + (f" of {commands[0]}" if len(commands) == 1 else ""),
        summary=(*(line for group in groups for line in group.summary), *_remarks(runs, groups, left_out)),
        sections=(
            *(section for group in groups for section in group.sections),
            _machine_section(runs),
            _runs_section(runs, left_out),
        ),
        facts=_facts(runs),
    )


@dataclass(frozen=True)
class _Group:
    """Runs of one command."""

    summary: tuple[str, ...]
    sections: tuple[Section, ...]
    failures: tuple[str, ...]


def _group(runs: Sequence[RunFolder], *, alone: bool) -> _Group:
    images = compare_images(runs)
    ranked = len(runs) > 1 and images in (Images.SAME, Images.RESIZED)
    figures, failures = draw_runs(runs)
    command = runs[0].command
    tables = measure_tables(runs, ranked=ranked)
    said = [] if len(runs) == 1 else [_SAID[images], *_ranked_apart(runs, images), *_namesakes(runs)]
    words = tuple(said) if tables else (*said, "None of these runs has measures yet.")
    start = "" if alone else f"{command}: "
    sections = [Section(_capital(f"{start}pictures"), blocks=tuple(figures))] if figures else []
    sections.append(Section(_capital(f"{start}measures"), words, tuple(tables)))
    if len(runs) > 1:
        sections.append(_settings_section(_capital(f"{start}settings that differ"), runs))
    return _Group(_summary(runs, images, ranked=ranked), tuple(sections), tuple(failures))


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def _settings_section(title: str, runs: Sequence[RunFolder]) -> Section:
    table = settings_table(runs)
    if table is None:
        unread = any(run.settings is None for run in runs)
        none = "No setting that can be read differs." if unread else "All settings are the same."
        return Section(title, (none,))
    return Section(title, blocks=(table,))


def _summary(runs: Sequence[RunFolder], images: Images, *, ranked: bool) -> tuple[str, ...]:
    command, names = runs[0].command, _names(runs)
    if len(runs) == 1:
        return (f"{_capital(command)}: only {names}; nothing of its kind to compare it with.",)
    lines = [f"{_capital(command)}: {len(runs)} runs ({names}). {_SAID[images]}"]
    headline = _headline(runs) if ranked else ""
    return (*lines, headline) if headline else tuple(lines)


def _names(runs: Sequence[RunFolder]) -> str:
    """All names, or the first ones of many."""
    shown = [run.name for run in runs[: _NAMED if len(runs) <= _NAMED else 3]]
    return ", ".join(shown) + (f" and {len(runs) - len(shown)} others" if len(shown) < len(runs) else "")


def _headline(runs: Sequence[RunFolder]) -> str:
    """The best and the worst run by the main measure of their command."""
    measure = _HEADLINES.get(runs[0].command, "")
    values = {run.name: run.measures[measure] for run in runs if run.measures and measure in run.measures}
    values = {name: value for name, value in values.items() if not isnan(value)}
    words = measure_words(measure, runs[0].command)
    if len({round(value, words.digits) for value in values.values()}) < 2:
        return ""
    best, *_, worst = sorted(values, key=values.__getitem__, reverse=words.better == "higher")
    unit = f" {words.unit}" if words.unit else ""
    return (
        f"{_capital(words.title)}: best {values[best]:.{words.digits}f}{unit} ({best}), "
        f"worst {values[worst]:.{words.digits}f}{unit} ({worst})."
    )


def _ranked_apart(runs: Sequence[RunFolder], images: Images) -> list[str]:
    """Which of the runs could be ranked, compared without the others."""
    groups = alike(runs) if images is Images.DIFFERENT else []
    names = [" and ".join(run.name for run in group) for group in groups]
    return [f"The same images: {'; '.join(names)}. Compare them alone to see which is best."] if names else []


def _namesakes(runs: Sequence[RunFolder]) -> list[str]:
    """Networks that have one name in several runs, and are not the same."""
    weights: dict[str, set[str]] = {}
    for run in runs:
        for name, value in (run.settings or {}).items():
            for start in ("inputs.weights.", "inputs.removers."):
                if name.startswith(start):
                    weights.setdefault(name.removeprefix(start), set()).add(str(value))
    unlike = [name for name, digests in weights.items() if len(digests) > 1]
    if not unlike:
        return []
    return [f"Networks of one name that are not the same in all runs: {', '.join(unlike)}."]


def _remarks(runs: Sequence[RunFolder], groups: Sequence[_Group], left_out: Sequence[str]) -> tuple[str, ...]:
    damaged = [f"{run.name}: {remark}" for run in runs for remark in run.remarks]
    damaged += [failure for group in groups for failure in group.failures]
    lines = []
    if damaged:
        lines.append(f"Missing or damaged, and shown as missing: {'; '.join(damaged)}.")
    if left_out:
        lines.append(f"Folders that are no runs: {len(left_out)}, listed at the end.")
    return tuple(lines)


def _machine_section(runs: Sequence[RunFolder]) -> Section:
    table = machine_table(runs)
    if table is None:
        return Section(_MACHINE, ("None of these runs noted its machine or its time.",))
    return Section(_MACHINE, blocks=(table,))


def _runs_section(runs: Sequence[RunFolder], left_out: Sequence[str]) -> Section:
    blocks = [runs_table(runs)]
    if left_out:
        columns = (Column("folder", "folder"), Column("reason", "reason"))
        rows = tuple(tuple(line.split(": ", 1)) for line in left_out)
        blocks.append(Table("left_out", "Folders that are no runs", columns, rows))
    return Section("Runs", blocks=tuple(blocks))


def _facts(runs: Sequence[RunFolder]) -> dict[str, str]:
    return {
        "made by": f"miad {__version__} (miad report --compare), Python {platform.python_version()}",
        "numbers": "metrics.csv of every run, in full precision in this report's CSV files",
        "curves": "logs/version_*/metrics.csv and roc.csv of every run",
        "settings": "config.yaml of every run, with the digests of what it read under 'inputs'",
        "runs": ", ".join(run.name for run in runs),
        "hardware, time and versions": f"{CALLS} of every run",
    }
