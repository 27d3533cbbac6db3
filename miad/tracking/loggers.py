"""The loggers of a run: CSV always, W&B offline unless told otherwise.

Nothing about the machine, its user or the source tree enters a W&B run; an offline run opens no connection.
"""

import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

import wandb
from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from miad.imaging import atomic_path

WandbMode: TypeAlias = Literal["offline", "online", "off"]


def run_loggers(folder: Path, name: str, project: str, mode: WandbMode, config: dict[str, Any] | None) -> list[Logger]:
    """Loggers that write below a run's folder.

    Args:
        folder: the run's folder.
        name: the run's name in W&B.
        project: W&B project.
        mode: ``offline`` writes files to sync later, ``online`` sends at once, ``off`` leaves W&B out.
        config: the run's configuration, for W&B's table of runs.
    """
    loggers: list[Logger] = [CSVLogger(folder, name="logs")]
    if mode == "off" or getattr(rank_zero_only, "rank", None):
        return loggers
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    experiment = wandb.init(
        id=_run_id(folder),
        resume="allow",
        project=project,
        name=name,
        dir=folder,
        mode=mode,
        config=_without_folders(config or {}),
        settings=_private_settings(),
    )
    return [*loggers, WandbLogger(experiment=experiment)]


def close_loggers(loggers: Sequence[Logger]) -> None:
    """Write what is buffered and end the W&B run, so that its files are whole when the command returns."""
    for logger in loggers:
        logger.save()
        if isinstance(logger, WandbLogger):
            logger.experiment.finish()


def without_folders(text: str) -> str:
    """The same text with the last part of every path in it, whether alone or joined by commas, colons or plus signs."""
    return re.sub(r"[^,:+]*/", "", text)


def _without_folders(value: Any) -> Any:  # noqa: ANN401  (a tree of plain values)
    """The same configuration without folders: they may name people and places."""
    if isinstance(value, dict):
        return {name: _without_folders(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_folders(item) for item in value]
    return without_folders(value) if isinstance(value, str) else value


def _run_id(folder: Path) -> str:
    """The W&B id of a run's folder: drawn once and kept, so that a resumed run stays one run."""
    path = folder / "logs" / "wandb-id"
    if not path.exists():
        with atomic_path(path) as draft:
            draft.write_text(secrets.token_hex(4), encoding="utf-8")
    return path.read_text(encoding="utf-8")


def _private_settings() -> Any:  # noqa: ANN401  (wandb is untyped here)
    return wandb.Settings(
        x_disable_stats=True,
        x_disable_meta=True,
        x_save_requirements=False,
        disable_code=True,
        disable_git=True,
        console="off",
        host="miad",
        silent=True,  # the command line says where the run is, once
    )
