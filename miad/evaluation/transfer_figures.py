"""Pictures of transfer: the source-by-target matrix, and seen against unseen accuracy."""

from collections.abc import Sequence
from math import isnan
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from miad.evaluation.transfer import MatrixRow, TransferRow, wide
from miad.imaging import atomic_path

_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#E69F00", "#56B4E9", "#CC79A7", "#F0E442", "#000000")
"""Told apart by colour-blind readers, too (Okabe and Ito 2008)."""


def draw_matrix(path: Path, rows: Sequence[MatrixRow], order: Sequence[str] = ()) -> None:
    """Draw the matrix of one search: success rates, sources down, targets across.

    Args:
        path: PNG to write.
        rows: of one search.
        order: of the targets.

    Raises:
        RunError: the folder can not be written.
    """
    sources, targets, values = wide([(row.sources, row.target, row.asr) for row in rows], order)
    figure = Figure(figsize=(2.4 + 0.75 * len(targets), 1.8 + 0.5 * len(sources)), layout="constrained")
    axes = figure.subplots()
    axes.imshow(np.array(values), cmap="Reds", vmin=0, vmax=1, aspect="auto")
    for line, shares in enumerate(values):
        for column, share in enumerate(shares):
            if not isnan(share):
                axes.text(
                    column, line, f"{share:.2f}", ha="center", va="center", color="white" if share > 0.6 else "black"
                )
    axes.set_xticks(range(len(targets)), targets, rotation=45, ha="right", fontsize=8)
    axes.set_yticks(range(len(sources)), sources, fontsize=8)
    axes.set(xlabel="target", ylabel="source", title=f"{rows[0].search}: share misread")
    with atomic_path(path) as draft:
        figure.savefig(draft, format="png", dpi=110)


def draw_leave_one_out(path: Path, rows: Sequence[TransferRow]) -> None:
    """Draw accuracy after the attack: bars a search for each model left out, beside its accuracy on the originals.

    Args:
        path: PNG to write.
        rows: what the marks of all other models did to each; its name is the row's target.

    Raises:
        RunError: the folder can not be written.
    """
    clean = {row.target: row.accuracy_before for row in rows}
    searches, models, values = wide([(row.search, row.target, row.accuracy_after) for row in rows])
    bars = len(searches) + 1
    figure = Figure(figsize=(3 + 0.2 * bars * len(models), 3.6), layout="constrained")
    axes = figure.subplots()
    axes.set_prop_cycle(color=_COLOURS)
    width = 0.8 / bars
    places = np.arange(len(models))
    axes.bar(places, [clean[model] for model in models], width, color="lightgrey", label="original")
    for index, (search, heights) in enumerate(zip(searches, values, strict=True), start=1):
        axes.bar(places + index * width, heights, width, label=search)
    axes.set_xticks(places + 0.4 - width / 2, models, rotation=20, ha="right", fontsize=8)
    axes.set(ylim=(0, 1), ylabel="accuracy of the model left out")
    figure.legend(fontsize=8, loc="outside right upper", frameon=False)
    with atomic_path(path) as draft:
        figure.savefig(draft, format="png", dpi=110)
