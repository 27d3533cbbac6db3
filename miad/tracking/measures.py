"""A run's closing numbers: one file, the same names in every logger."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from lightning.pytorch.loggers import Logger

from miad.imaging import atomic_path


def publish_measures(folder: Path, loggers: Sequence[Logger], measures: Mapping[str, float]) -> None:
    """Write ``metrics.csv`` (measure,value) and log the same numbers.

    Raises:
        RunError: the folder can not be written.
    """
    with atomic_path(folder / "metrics.csv") as draft, draft.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["measure", "value"])
        writer.writerows((name, repr(value)) for name, value in measures.items())
    for logger in loggers:
        logger.log_metrics(dict(measures))
        logger.save()
