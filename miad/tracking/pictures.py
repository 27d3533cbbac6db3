"""Marked images in W&B: a gallery and a table, so that a dashboard can compare runs.

W&B keeps pictures inside a table outside of the run's folder, under the user's home, and writes that path into the run;
so the pictures are a gallery of their own, in the order of the table's rows.
"""

from collections.abc import Sequence
from pathlib import Path

import wandb
from lightning.pytorch.loggers import Logger, WandbLogger

from miad.tasks import Entry

_COLUMNS = ["image", "label", "status", "queries", "alpha", "ssim"]


def log_pictures(loggers: Sequence[Logger], folder: Path, entries: Sequence[Entry], classes: Sequence[str]) -> None:
    """Log marked images, as they are published, and a table of them; originals never leave the run's folder.

    Args:
        loggers: those that are not W&B's are left alone.
        folder: the run's folder.
        entries: which images.
        classes: names of the classes.
    """
    for logger in loggers:
        if isinstance(logger, WandbLogger) and entries:
            rows = [_row(entry, classes) for entry in entries]
            gallery = [_picture(entry, folder, row) for entry, row in zip(entries, rows, strict=True)]
            logger.experiment.log({"marked": gallery, "images_marked": wandb.Table(columns=_COLUMNS, data=rows)})


def _row(entry: Entry, classes: Sequence[str]) -> list[object]:
    return [entry.image, classes[entry.label], entry.status.value, entry.queries, entry.alpha, entry.ssim]


def _picture(entry: Entry, folder: Path, row: Sequence[object]) -> wandb.Image:
    caption = ", ".join(f"{name} {value}" for name, value in zip(_COLUMNS[1:4], row[1:4], strict=True))
    return wandb.Image(str(folder / "marked" / entry.file), caption=f"{entry.image}: {caption}")
