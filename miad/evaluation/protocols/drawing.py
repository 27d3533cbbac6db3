"""Charts of protocols, as SVG."""

from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO
from typing import NamedTuple, TypeAlias

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from miad.evaluation.report.document import Value

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#F0E442", "#000000")
"""Told apart by colour-blind readers, too (Okabe and Ito 2008)."""


def svg(canvas: Canvas) -> bytes:
    """The file's bytes, the same each time."""
    buffer = BytesIO()
    with mpl.rc_context({"svg.hashsalt": "miad"}):
        canvas.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def png(canvas: Canvas) -> bytes:
    """The file's bytes."""
    buffer = BytesIO()
    canvas.savefig(buffer, format="png", dpi=110)
    return buffer.getvalue()


def as_number(value: Value) -> float:
    """For charts, which leave out what is missing."""
    return float(value) if isinstance(value, int | float) else float("nan")


def bars(
    groups: Sequence[str],
    heights: Mapping[str, Sequence[Value]],
    axis: str,
    limits: tuple[float, float] = (0, 1.02),
    paper: Mapping[str, Sequence[Value]] | None = None,
) -> bytes:
    """Bars side by side; a paper's numbers are black lines across them, and what is missing has no bar.

    Args:
        groups: what stands under the bars.
        heights: one value a group, by the legend's words.
        axis: what is measured, with its unit.
        limits: of the axis.
        paper: the paper's, by the same words.
    """
    canvas = Canvas(figsize=(2.6 + 0.24 * (len(heights) + 1) * len(groups), 3.4), layout="constrained")
    axes = canvas.subplots()
    width, places = 0.8 / len(heights), np.arange(len(groups))
    lines = 0
    for index, (name, values) in enumerate(heights.items()):
        middle = places + (index - (len(heights) - 1) / 2) * width
        colour = "lightgrey" if name == "original" else COLOURS[index % len(COLOURS)]
        axes.bar(middle, [as_number(value) for value in values], width, label=name, color=colour)
        _tell_empty(axes, middle, values)
        for x, value in zip(middle, (paper or {}).get(name, ()), strict=False):
            if value is not None:
                label = "" if lines else "the paper"
                axes.hlines(as_number(value), x - width / 2, x + width / 2, color="black", linewidth=2.2, label=label)
                lines += 1
    axes.set_xticks(places, groups, rotation=25, ha="right", fontsize=8)
    axes.set(xlim=(-0.6, len(groups) - 0.4), ylabel=axis, ylim=limits)
    canvas.legend(fontsize=8, loc="outside right upper", frameon=False)
    return svg(canvas)


def _tell_empty(axes: Axes, places: Iterable[float], values: Sequence[Value]) -> None:
    """Bars of no height would look like missing ones."""
    for x, value in zip(places, values, strict=True):
        if value is None or not value:
            _write_at(axes, x, "missing" if value is None else "0")


class Panel(NamedTuple):
    """One chart of several."""

    title: str
    x: Sequence[float]
    y: Sequence[Value]


def panels(charts: Sequence[Panel], axis: str, chosen: Mapping[str, float]) -> bytes:
    """Lines, a parameter each, on one scale; values stand at equal distances, whatever lies between them.

    Args:
        charts: at least one.
        axis: what is measured, with its unit.
        chosen: the value that the other charts keep a parameter at, by title; marked by a dotted line.
    """
    canvas = Canvas(figsize=(2.6 * len(charts) + 0.6, 2.9), layout="constrained")
    line = canvas.subplots(1, len(charts), squeeze=False, sharey=True)[0]
    for axes, chart in zip(line, charts, strict=True):
        places = range(len(chart.x))
        axes.plot(places, [as_number(value) for value in chart.y], marker="o", color=COLOURS[0])
        if chosen.get(chart.title) in chart.x:
            axes.axvline(list(chart.x).index(chosen[chart.title]), color="grey", linestyle=":", linewidth=1)
        axes.set(xlabel=chart.title, xlim=(-0.5, len(chart.x) - 0.5), ylim=(-0.02, 1.02))
        axes.set_xticks(places, [f"{value:g}" for value in chart.x], fontsize=8)
        _tell_missing(axes, chart.y)
    line[0].set_ylabel(axis)
    return svg(canvas)


def _tell_missing(axes: Axes, values: Sequence[Value]) -> None:
    for x, value in enumerate(values):
        if value is None:
            _write_at(axes, x, "missing")


def _write_at(axes: Axes, x: float, word: str) -> None:
    turn = 90 if len(word) > 1 else 0
    axes.annotate(word, (x, 0), (0, 3), textcoords="offset points", ha="center", fontsize=6, rotation=turn)


Curve: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64]]
"""False and true positive rates."""


def curves(charts: Mapping[str, Mapping[str, Curve]]) -> bytes:
    """ROC curves, a chart a classifier.

    Args:
        charts: false and true positive rates by legend, by title.
    """
    columns = min(3, len(charts))
    rows = -(-len(charts) // columns)
    canvas = Canvas(figsize=(3 * columns, 3.2 * rows + 0.3), layout="constrained")
    grid = canvas.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axes in grid.flat[len(charts) :]:
        axes.set_axis_off()
    for axes, (title, lines) in zip(grid.flat, charts.items(), strict=False):
        for colour, (name, (x, y)) in zip(COLOURS, lines.items(), strict=False):
            axes.plot(x, y, color=colour, label=name, linewidth=1.4)
        axes.plot((0, 1), (0, 1), color="grey", linewidth=0.8, linestyle=":")
        axes.set_title(title, fontsize=9)
        axes.set(xlim=(0, 1), ylim=(0, 1.01))
        axes.legend(fontsize=7, loc="lower right")
    canvas.supxlabel("false positive rate", fontsize=9)
    canvas.supylabel("true positive rate", fontsize=9)
    return svg(canvas)


def matrix(lines: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[Value]], axis: str) -> bytes:
    """Shares as shades, sources down and targets across."""
    canvas = Canvas(figsize=(2.6 + 0.75 * len(columns), 1.6 + 0.5 * len(lines)), layout="constrained")
    axes = canvas.subplots()
    table = np.array([[as_number(value) for value in line] for line in values])
    shades = axes.imshow(table, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    _write_shares(axes, table)
    axes.set_xticks(range(len(columns)), columns, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(lines)), lines, fontsize=8)
    axes.set(xlabel="target", ylabel="source")
    canvas.colorbar(shades, label=axis)
    return svg(canvas)


def _write_shares(axes: Axes, table: NDArray[np.float64]) -> None:
    for line, column in np.ndindex(*table.shape):
        share = float(table[line, column])
        if not np.isnan(share):
            colour = "white" if share > 0.6 else "black"
            axes.text(column, line, f"{share:.2f}", ha="center", va="center", color=colour, fontsize=8)
