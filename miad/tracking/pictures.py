"""Marked images in W&B: a table that a dashboard can sort and compare between runs."""

from collections.abc import Sequence
from pathlib import Path

import wandb
from lightning.pytorch.loggers import Logger, WandbLogger

from miad.tasks import Entry

_COLUMNS = ["image", "marked", "label", "status", "queries", "alpha", "ssim"]


def log_pictures(loggers: Sequence[Logger], folder: Path, entries: Sequence[Entry], classes: Sequence[str]) -> None:
    """Log a table of marked images, as they are published; originals never leave the run's folder.

    Args:
        loggers: those that are not W&B's are left alone.
        folder: the run's folder.
        entries: which images.
        classes: names of the classes.
    """
    for logger in loggers:
        if isinstance(logger, WandbLogger) and entries:
            rows = [_row(entry, folder, classes) for entry in entries]
            logger.experiment.log({"marked": wandb.Table(columns=_COLUMNS, data=rows)})


def _row(entry: Entry, folder: Path, classes: Sequence[str]) -> list[object]:
    picture = wandb.Image(str(folder / "marked" / entry.file))
    status, label = entry.status.value, classes[entry.label]
    return [entry.image, picture, label, status, entry.queries, entry.alpha, entry.ssim]
