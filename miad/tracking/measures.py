"""A run's closing numbers: one file, the same names in every logger."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from lightning.pytorch.loggers import Logger

from miad.evaluation import write_csv


def publish_measures(folder: Path, loggers: Sequence[Logger], measures: Mapping[str, float]) -> None:
    """Write ``metrics.csv`` (measure,value) and log the same numbers.

    Raises:
        RunError: the folder can not be written.
    """
    write_csv(folder / "metrics.csv", ("measure", "value"), ((name, repr(value)) for name, value in measures.items()))
    for logger in loggers:
        logger.log_metrics(dict(measures))
        logger.save()
