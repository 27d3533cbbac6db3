"""Which pictures show several runs of one command."""

from collections.abc import Callable, Mapping, Sequence
from math import isnan, nan
from statistics import fmean

from miad.errors import RunError
from miad.evaluation.report.compare_figures import draw_bars, draw_before_after, draw_curves, draw_roc
from miad.evaluation.report.compare_tables import plain_name
from miad.evaluation.report.document import Figure
from miad.evaluation.report.measure_words import measure_words
from miad.evaluation.report.run_curves import Curve, roc_curves_of, score_curves
from miad.evaluation.report.run_folder import RunFolder

_SCORES = ("val/accuracy", "val/dice", "val/psnr_inside", "val/loss")
_AT_A_GLANCE = ("success_rate", "queries_mean", "ssim", "psnr")
_MOST_PANELS = 9


def draw_runs(runs: Sequence[RunFolder]) -> tuple[list[Figure], list[str]]:
    """The pictures of runs of one command, and a line for every file that could not be drawn."""
    command = runs[0].command
    if command.startswith("fit"):
        return _draw_training(runs)
    if command == "test classifier":
        return _draw_roc(runs)
    drawers = {"attack": _draw_attack, "evaluate transfer": _draw_transfer, "evaluate removal": _draw_removal}
    drawer = drawers.get(command)
    return ([] if drawer is None else drawer(runs)), []


def _read(
    runs: Sequence[RunFolder], reader: Callable[[RunFolder], dict[str, Curve]]
) -> tuple[dict[str, dict[str, Curve]], list[str]]:
    """What a reader finds in each run, and what went wrong."""
    found: dict[str, dict[str, Curve]] = {}
    failures = []
    for run in runs:
        try:
            found[run.name] = reader(run)
        except RunError as error:
            failures.append(f"{run.name}: {error}")
    return found, failures


def _panels(found: Mapping[str, Mapping[str, Curve]]) -> dict[str, dict[str, Curve]]:
    """The same curves by name, then by run."""
    names = dict.fromkeys(name for curves in found.values() for name in curves)
    return {name: {run: curves[name] for run, curves in found.items() if name in curves} for name in names}


def _draw_training(runs: Sequence[RunFolder]) -> tuple[list[Figure], list[str]]:
    found, failures = _read(runs, score_curves)
    panels = _panels(found)
    figures = []
    for score in [name for name in _SCORES if name in panels]:
        words = measure_words(score, runs[0].command)
        title = f"{words.title[0].upper()}{words.title[1:]} on the validation images over epochs"
        ends = "; ".join(f"{run} ends at {y[-1]:.3f} after {x[-1]:.0f} epochs" for run, (x, y) in panels[score].items())
        name = f"{plain_name(runs[0].command)}_{plain_name(score)}"
        data = draw_curves(panels[score], "epoch", f"{words.heading}, validation")
        figures.append(Figure(name, title, data, f"A line for each run. {ends}."))
    return figures, failures


def _draw_roc(runs: Sequence[RunFolder]) -> tuple[list[Figure], list[str]]:
    found, failures = _read(runs, roc_curves_of)
    panels = dict(list(_panels(found).items())[:_MOST_PANELS])
    if not panels:
        return [], failures
    text = f"Curves of {', '.join(run for run, curves in found.items() if curves)}, for {', '.join(panels)}."
    note = "AUC here is the area below the curve as drawn, by trapezoids."
    return [Figure("roc", "ROC curves, each class against the rest", draw_roc(panels), text, note)], failures


def _draw_attack(runs: Sequence[RunFolder]) -> list[Figure]:
    targets = dict.fromkeys(name.partition("/")[2] for name in _names(runs) if name.startswith("accuracy_after/"))
    shown = list(targets)[:_MOST_PANELS]
    panels = {
        target: {
            run.name: (_of(run, f"accuracy_before/{target}"), _of(run, f"accuracy_after/{target}"))
            for run in runs
            if run.measures and f"accuracy_after/{target}" in run.measures
        }
        for target in shown
    }
    figures = []
    if panels:
        lines = [f"{target}: " + ", ".join(_arrow(*one) for one in bars.items()) for target, bars in panels.items()]
        note = "Over the attacked images, those that every source read correctly. Grey: before; colour: after."
        if len(targets) > len(shown):
            note += f" {len(targets) - len(shown)} more classifiers are in the tables."
        data = draw_before_after(panels, "accuracy")
        text = f"Accuracy before and after for each classifier and run. {'. '.join(lines)}."
        figures.append(Figure("attack_accuracy", "Accuracy of each classifier, before and after", data, text, note))
    return [*figures, *_draw_measures("attack_at_a_glance", "Effort and quality of the marks", runs, _AT_A_GLANCE)]


def _arrow(run: str, values: tuple[float, float]) -> str:
    return f"{run} from {_words(values[0], 3)} to {_words(values[1], 3)}"


def _words(value: float, digits: int) -> str:
    return "missing" if isnan(value) else f"{value:.{digits}f}"


def _draw_measures(name: str, title: str, runs: Sequence[RunFolder], measures: Sequence[str]) -> list[Figure]:
    panels, digits = {}, {}
    for measure in [measure for measure in measures if measure in _names(runs)]:
        words = measure_words(measure, runs[0].command)
        panels[words.heading] = {run.name: _of(run, measure) for run in runs}
        digits[words.heading] = words.digits
    return _bars(name, title, panels, digits, "")


def _bars(
    name: str, title: str, panels: Mapping[str, Mapping[str, float]], digits: Mapping[str, int], note: str
) -> list[Figure]:
    if not panels:
        return []
    lines = [
        f"{heading}: " + ", ".join(f"{run} {_words(value, digits[heading])}" for run, value in bars.items())
        for heading, bars in panels.items()
    ]
    return [Figure(name, title, draw_bars(panels, digits), f"A bar for each run. {'. '.join(lines)}.", note)]


def _draw_transfer(runs: Sequence[RunFolder]) -> list[Figure]:
    """Mean accuracy of the classifier left out, by search."""
    found: dict[str, dict[str, list[float]]] = {}
    for run in runs:
        for name, value in (run.measures or {}).items():
            parts = name.split("/")
            if parts[0] == "accuracy_after" and len(parts) == 4 and parts[2] == f"all but {parts[3]}":
                found.setdefault(parts[1], {}).setdefault(run.name, []).append(value)
    panels = {
        search: {run.name: fmean(values[run.name]) if run.name in values else nan for run in runs}
        for search, values in found.items()
    }
    note = "The mean over the classifiers left out, each judged on marks that were searched on all others."
    digits = dict.fromkeys(panels, 3)
    return _bars("transfer_left_out", "Accuracy of the classifier left out, by search", panels, digits, note)


def _draw_removal(runs: Sequence[RunFolder]) -> list[Figure]:
    """Accuracy after each removal of marks without delta."""
    start = "accuracy/none/"
    panels = {
        name.removeprefix(start): {run.name: _of(run, name) for run in runs}
        for name in _names(runs)
        if name.startswith(start)
    }
    title = "Accuracy after removal, by what removed the marks, without delta"
    return _bars("removal_accuracy", title, panels, dict.fromkeys(panels, 3), "")


def _names(runs: Sequence[RunFolder]) -> list[str]:
    return list(dict.fromkeys(name for run in runs for name in run.measures or {}))


def _of(run: RunFolder, measure: str) -> float:
    return (run.measures or {}).get(measure, nan)
