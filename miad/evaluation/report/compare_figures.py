"""Pictures of several runs beside each other: curves, ROC curves, bars."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from math import isnan
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from miad.evaluation.report.run_curves import Curve

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Told apart by colour-blind readers, too (Okabe and Ito 2008); without yellow, which is faint on white."""
_SHARE_DIGITS = 3
_DASHES = ("-", "--", ":", "-.")
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "miad",
    "svg.fonttype": "path",
    "text.parse_math": False,
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
}


def draw_curves(curves: Mapping[str, Curve], xlabel: str, ylabel: str) -> bytes:
    """A line a run; SVG.

    Args:
        curves: by the runs' names.
        xlabel: with its unit, if any.
        ylabel: likewise.
    """
    with mpl.rc_context(_STYLE):
        canvas = Canvas(figsize=(6.0, 3.5), layout="constrained")
        axes = canvas.subplots()
        for index, (name, (x, y)) in enumerate(curves.items()):
            marker = "o" if len(x) == 1 else None
            axes.plot(x, y, label=name, marker=marker, **_line(index))
        axes.set(xlabel=xlabel, ylabel=ylabel)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(visible=True, color="#dddddd", linewidth=0.6)
        _legend(canvas, len(curves))
        return _svg(canvas)


def draw_roc(panels: Mapping[str, Mapping[str, Curve]]) -> bytes:
    """A square a class, a line a run, its area in the legend; SVG.

    Args:
        panels: curves by class and run.
    """
    with mpl.rc_context(_STYLE):
        across = 2 if len(panels) in (2, 4) else min(3, len(panels))
        down = -(-len(panels) // across)
        canvas = Canvas(figsize=(max(3.2 * across, 4.2), 3.6 * down), layout="constrained")
        grid = canvas.subplots(down, across, squeeze=False, sharey=True)
        names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
        for axes, (title, curves) in zip(grid.flat, panels.items(), strict=False):
            for name, (x, y) in curves.items():
                area = f"{np.trapezoid(y, x):.3f}"
                axes.plot(x, y, label=f"{name} {area}" if len(panels) == 1 else area, **_line(names.index(name)))
            axes.plot((0, 1), (0, 1), color="#999999", linewidth=0.8, linestyle=":")
            axes.set(xlim=(-0.01, 1), ylim=(0, 1.01), aspect="equal", title=title)
            axes.legend(loc="lower right", title="AUC", fontsize=8, title_fontsize=8, frameon=False)
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        canvas.supxlabel("false positive rate", fontsize=9)
        canvas.supylabel("true positive rate", fontsize=9)
        if len(panels) > 1:
            handles = [Line2D([], [], **_line(index)) for index in range(len(names))]
            canvas.legend(handles, names, loc="outside upper left", ncols=min(3, len(names)), fontsize=8, frameon=False)
        return _svg(canvas)


def draw_before_after(panels: Mapping[str, Mapping[str, tuple[float, float]]], xlabel: str) -> bytes:
    """A panel a classifier, a bar a run: grey before, in colour after; SVG.

    Args:
        panels: values before and after, by classifier and run; nan where there is none.
        xlabel: what the values are, 0 to 1.
    """
    with mpl.rc_context(_STYLE):
        heights = [len(bars) for bars in panels.values()]
        canvas = Canvas(
            figsize=(6.0, 0.7 + sum(0.45 + 0.27 * height for height in heights)),
            layout=ConstrainedLayoutEngine(h_pad=0.09),
        )
        rows = canvas.subplots(len(panels), 1, squeeze=False, sharex=True, height_ratios=[h + 1 for h in heights])[:, 0]
        names = list(dict.fromkeys(name for bars in panels.values() for name in bars))
        for axes, (title, bars) in zip(rows, panels.items(), strict=True):
            before, after = zip(*bars.values(), strict=True)
            places = range(len(bars))
            axes.barh(places, before, 0.8, color="#dddddd", edgecolor="#aaaaaa", linewidth=0.6)
            axes.barh(places, after, 0.46, color=[_colour(names.index(name)) for name in bars])
            _label(axes, [one if isnan(other) else max(one, other) for one, other in bars.values()], after, 3, 1)
            axes.set_yticks(places, bars)
            axes.set(xlim=(0, 1.13), title=title)
            axes.set_xticks(np.linspace(0, 1, 6))
            axes.invert_yaxis()
            axes.tick_params(axis="y", length=0)
        rows[-1].set_xlabel(xlabel)
        return _svg(canvas)


def draw_bars(panels: Mapping[str, Mapping[str, float]], digits: Mapping[str, int], across: int = 2) -> bytes:
    """A panel a measure, a bar a run, shares on one axis from 0 to 1; SVG.

    Args:
        panels: values by measure (with its unit) and run; nan where there is none.
        digits: decimals by measure.
        across: panels a row.
    """
    with mpl.rc_context(_STYLE):
        runs = len(next(iter(panels.values())))
        down = -(-len(panels) // across)
        canvas = Canvas(figsize=(7.0, down * (0.75 + 0.28 * runs)), layout=ConstrainedLayoutEngine(h_pad=0.09))
        grid = canvas.subplots(down, across, squeeze=False, sharey=True)
        for axes, (title, bars) in zip(grid.flat, panels.items(), strict=False):
            values = list(bars.values())
            axes.barh(range(runs), values, 0.7, color=[_colour(index) for index in range(runs)])
            largest = max((value for value in values if not isnan(value)), default=1)
            top = 1 if digits[title] == _SHARE_DIGITS and largest <= 1 else largest or 1
            axes.set(xlim=(0, 1.25 * top), title=title)
            axes.set_yticks(range(runs), bars)
            axes.tick_params(axis="y", length=0)
            _label(axes, values, values, digits[title], top)
        grid[0, 0].invert_yaxis()  # of all: they share it
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        return _svg(canvas)


def _label(axes: Axes, ends: Sequence[float], values: Sequence[float], digits: int, top: float) -> None:
    """Write each value behind the end of its bar."""
    for place, (end, value) in enumerate(zip(ends, values, strict=True)):
        text = "missing" if isnan(value) else f"{value:.{digits}f}"
        axes.text((0 if isnan(end) else end) + 0.015 * top, place, text, va="center", fontsize=8)


def _colour(index: int) -> str:
    return COLOURS[index % len(COLOURS)]


def _line(index: int) -> dict[str, Any]:  # matplotlib's own options
    dashes = _DASHES[(index // len(COLOURS)) % len(_DASHES)]
    return {"color": _colour(index), "linestyle": dashes, "linewidth": 1.6}


def _legend(canvas: Canvas, entries: int) -> None:
    if entries > 1:
        canvas.legend(loc="outside upper left", ncols=min(3, entries), fontsize=8, frameon=False)


def _svg(canvas: Canvas) -> bytes:
    file = BytesIO()
    canvas.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    return file.getvalue()
