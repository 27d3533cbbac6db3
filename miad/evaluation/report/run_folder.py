"""What a run's folder tells about the run."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from miad.errors import RunError
from miad.evaluation.calls import Call, read_calls

UNKNOWN = "unknown command"
_FILES = {
    "attack": "attack.csv",
    "evaluate transfer": "transfer.csv",
    "evaluate removal": "removal_images.csv",
    "test classifier": "roc.csv",
    "test segmenter": "segmentation.csv",
    "test remover": "removal.csv",
}
"""What each command leaves; the first that is there tells. A removal matrix has both of its files."""
_OPTIONS = {
    "attack": {"sources", "search.class_path"},
    "evaluate transfer": {"models", "protocols"},
    "evaluate removal": {"attack", "removed_by"},
    "fit classifier": {"model.backbone"},
    "fit segmenter": {"model.encoder"},
    "fit remover": {"model.network", "stage"},
}
"""Options that each command has and no other."""
_MEASURES = {
    "fit classifier": "val/accuracy",
    "fit segmenter": "val/dice",
    "fit remover": "val/psnr_inside",
    "test classifier": "test/accuracy",
    "test segmenter": "test/dice",
    "test remover": "test/psnr_inside",
}


@dataclass(frozen=True)
class RunFolder:
    """A run, as its folder tells.

    Args:
        name: for headings; the folder's, with as many folders above it as tell it from others.
        folder: where it is.
        command: which command made it.
        settings: every leaf of ``config.yaml`` by its dotted name; None where they can not be read.
        measures: of ``metrics.csv``, nan included; None where they can not be read.
        remarks: what could not be read, and why.
        calls: that made it; none where it did not note them, None where they can not be read.
    """

    name: str
    folder: Path
    command: str
    settings: Mapping[str, Any] | None
    measures: Mapping[str, float] | None
    remarks: tuple[str, ...] = ()
    calls: tuple[Call, ...] | None = ()


def read_run(folder: Path, name: str) -> RunFolder:
    """Read a run's folder; what is missing or damaged in it is remarked.

    Args:
        folder: where it is.
        name: how to call it.

    Raises:
        RunError: it is no run's folder.
    """
    if not (folder / "config.yaml").exists() and not (folder / "metrics.csv").exists():
        raise RunError(f"{folder}: {_what_instead(folder)}")
    remarks = []
    settings: Mapping[str, Any] | None = None
    measures: Mapping[str, float] | None = None
    calls: tuple[Call, ...] | None = None
    try:
        settings = _read_settings(folder / "config.yaml")
    except RunError as error:
        remarks.append(str(error))
    try:
        measures = _read_measures(folder / "metrics.csv")
    except RunError as error:
        remarks.append(str(error))
    try:
        calls = read_calls(folder)
    except RunError as error:
        remarks.append(str(error))
    return RunFolder(name, folder, _command(folder, settings, measures), settings, measures, tuple(remarks), calls)


def _what_instead(folder: Path) -> str:
    if not folder.is_dir():
        return "expected a run's folder, found a file"
    if any(folder.glob("*/config.yaml")):
        return f"expected a run's folder, found a folder of runs; give {folder}/*"
    return "expected a run's folder, found neither config.yaml nor metrics.csv in it"


def read_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV file of ours, all or none.

    Args:
        path: the file.
        columns: that it must have.

    Raises:
        RunError: it is not there, is cut off, or is something else; says in which line.
    """
    text = _read_text(path)
    lines = csv.reader(text.splitlines(keepends=True), strict=True)
    try:
        header = next(lines, [])
        if not set(columns) <= set(header):
            raise RunError(f"{path.name}: expected columns {', '.join(columns)}, found {', '.join(header) or 'none'}")
        rows = []
        for row in lines:
            if len(row) != len(header):
                raise RunError(
                    f"{path.name}: expected {len(header)} entries in line {lines.line_num}, found {len(row)}"
                )
            rows.append(dict(zip(header, row, strict=True)))
    except csv.Error as error:
        raise RunError(f"{path.name}: line {lines.line_num} is no CSV ({error})") from error
    if not text.endswith("\n"):
        raise RunError(f"{path.name}: cut off in line {lines.line_num}")
    return rows


def read_number(path: Path, text: str) -> float:
    """A number of a CSV file.

    Raises:
        RunError: it is none.
    """
    try:
        return float(text)
    except ValueError as error:
        raise RunError(f"{path.name}: expected a number, found {text!r}") from error


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise RunError(f"{path.name}: not there") from error
    except OSError as error:
        raise RunError(f"{path.name}: can not be read ({error.strerror})") from error
    except ValueError as error:
        raise RunError(f"{path.name}: no text") from error


def _read_measures(path: Path) -> dict[str, float]:
    if not path.exists():
        raise RunError(f"{path.name}: not there; the run has not ended")
    return {row["measure"]: read_number(path, row["value"]) for row in read_rows(path, ("measure", "value"))}


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        tree = yaml.safe_load(_read_text(path))
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = "" if line is None else f" in line {line + 1}"
        raise RunError(f"{path.name}: no YAML{place}") from error
    if not isinstance(tree, dict):
        raise RunError(f"{path.name}: expected options and values, found {type(tree).__name__}")
    return _leaves(tree)


def _leaves(tree: Mapping[object, Any], prefix: str = "") -> dict[str, Any]:
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, dict) and value:
            leaves |= _leaves(value, f"{prefix}{name}.")
        else:
            leaves[f"{prefix}{name}"] = value
    return leaves


def _command(folder: Path, settings: Mapping[str, Any] | None, measures: Mapping[str, float] | None) -> str:
    """Which command made a folder; runs do not name it."""
    left = (command for command, file in _FILES.items() if (folder / file).exists())
    meant = (command for command, names in _OPTIONS.items() if settings and names <= settings.keys())
    measured = (command for command, name in _MEASURES.items() if measures and _has(measures, name))
    return next(left, None) or next(meant, None) or next(measured, UNKNOWN)


def _has(measures: Mapping[str, float], name: str) -> bool:
    """Whether there is a measure, as a whole or of any kind (``val/dice``, ``val/dice/exudates``)."""
    return any(measure == name or measure.startswith(f"{name}/") for measure in measures)
