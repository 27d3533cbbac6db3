"""An attack's entries as CSV."""

from collections.abc import Sequence
from pathlib import Path

import torch

from miad.evaluation.csv_file import write_csv
from miad.tasks import Entry

_ATTACK = [
    "image",
    "label",
    "status",
    "queries",
    "x",
    "y",
    "alpha",
    "variant",
    "scale",
    "raised",
    "lesion",
    "covered",
    "caught",
    "trusted",
    "confidence_before",
    "confidence_after",
    "predicted",
    "ssim",
    "psnr",
    "rmse",
    "delta",
]


def write_attack_table(path: Path, entries: Sequence[Entry], classes: Sequence[str], weights: Sequence[float]) -> None:
    """Write ``attack.csv``: one row an image.

    Confidences are the sources' weighted mean for the label; ``predicted`` is its class on the marked image. x, y,
    alpha and variant are empty where there was no room for the mark. ``scale`` and ``raised`` say what gave way for
    lack of room; ``lesion``, ``covered`` and ``caught`` count the given lesion's pixels, those of them that the mark
    changed, and those that the mask in use held, and are empty where no mask is given; ``trusted`` is no
    where a source of the mask misreads the image itself. ``delta`` is the root mean square of the delta under the mark.

    Raises:
        RunError: the folder can not be written.
    """
    beta = torch.tensor(weights)
    rows = []
    for entry in entries:
        before, after = (beta @ torch.tensor(part)[: len(weights)] for part in (entry.before, entry.after))
        place = (entry.x, entry.y, entry.alpha, entry.variant) if entry.file else ("",) * 4
        lesion = (entry.lesion, entry.covered, entry.caught) if entry.lesion >= 0 else ("",) * 3
        gave_way = (entry.scale, entry.raised, *lesion, "yes" if entry.trusted else "no")
        confidences = (f"{float(part[entry.label]):.6f}" for part in (before, after))
        quality = (f"{value:.6f}" for value in (entry.ssim, entry.psnr, entry.rmse, entry.delta))
        label, predicted = classes[entry.label], classes[int(after.argmax())]
        rows.append(
            (entry.image, label, entry.status, entry.queries, *place, *gave_way, *confidences, predicted, *quality)
        )
    write_csv(path, _ATTACK, rows)


def write_predictions(path: Path, entries: Sequence[Entry], classes: Sequence[str], targets: Sequence[str]) -> None:
    """Write ``predictions.csv``: every target's probabilities on every image, before and after.

    Raises:
        RunError: the folder can not be written.
    """
    header = ("image", "label", "target", "pixels", *classes)
    rows = (
        (entry.image, classes[entry.label], target, pixels, *(f"{p:.6f}" for p in probabilities[index]))
        for entry in entries
        for index, target in enumerate(targets)
        for pixels, probabilities in (("original", entry.before), ("marked", entry.after))
    )
    write_csv(path, header, rows)
