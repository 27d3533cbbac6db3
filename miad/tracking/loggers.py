"""The loggers of a run: CSV always, W&B offline unless told otherwise.

Nothing about the machine, its user or the source tree enters a W&B run; an offline run opens no connection.
"""

import os
from pathlib import Path
from typing import Any, Literal, TypeAlias

import wandb
from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger

WandbMode: TypeAlias = Literal["offline", "online", "off"]


def run_loggers(folder: Path, name: str, project: str, mode: WandbMode, config: dict[str, Any] | None) -> list[Logger]:
    """Loggers that write below a run's folder.

    Args:
        folder: the run's folder.
        name: the run's name in W&B; with the project it is also the W&B id, so that a resumed run stays one.
        project: W&B project.
        mode: ``offline`` writes files to sync later, ``online`` sends at once, ``off`` leaves W&B out.
        config: the run's configuration, for W&B's table of runs.
    """
    loggers: list[Logger] = [CSVLogger(folder, name="logs")]
    if mode == "off":
        return loggers
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    logger = WandbLogger(
        name=name, save_dir=folder, project=project, offline=mode == "offline", settings=_private_settings()
    )
    if config:
        logger.experiment.config.update(config, allow_val_change=True)
    return [*loggers, logger]


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
