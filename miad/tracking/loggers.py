"""The loggers of a run: CSV always, W&B offline unless told otherwise.

Nothing about the machine's user or name or the source tree enters a W&B run; an offline run opens no connection. An
online run that finds no key or no server is kept offline, so that nothing is lost, and so are the later runs of its
process, which do not try again.
"""

import io
import os
import re
import secrets
import shutil
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import wandb
from lightning.pytorch.loggers import CSVLogger, Logger, WandbLogger
from lightning.pytorch.utilities import rank_zero_only

from miad.imaging import atomic_path
from miad.tracking.names import BEST, STEPS
from miad.tracking.server import check_server, server_address

WandbMode: TypeAlias = Literal["offline", "online", "off"]

LONGEST_TAG = 64
"""Characters; W&B refuses longer ones."""
_ANSWER, _PATIENCE = 2.0, 4.0
"""Seconds in which a server must answer at all, and then take the run; an offline run begins within two more."""
_REFUSED: set[str] = set()
"""Addresses of the servers that took no run of this process."""


@dataclass(frozen=True)
class Labels:
    """By what W&B finds and compares a run.

    Args:
        job_type: the command, for example ``fit classifier``.
        group: runs of one group stand together: those of an experiment, or on one data set.
        tags: at most 64 characters each.
    """

    job_type: str = ""
    group: str = ""
    tags: tuple[str, ...] = ()


def run_loggers(
    folder: Path, name: str, project: str, mode: WandbMode, config: dict[str, Any] | None, labels: Labels
) -> list[Logger]:
    """Loggers that write below a run's folder.

    Args:
        folder: the run's folder.
        name: the run's name in W&B.
        project: W&B project.
        mode: ``offline`` writes files to sync later, ``online`` sends at once (where it can not, it says so and goes on
            offline), ``off`` leaves W&B out.
        config: the run's configuration, for W&B's table of runs.
        labels: by what W&B finds the run.
    """
    loggers: list[Logger] = [CSVLogger(folder, name="logs")]
    if mode == "off" or getattr(rank_zero_only, "rank", None):
        return loggers
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    experiment = _begin(
        mode,
        id=_run_id(folder),
        resume="allow",
        project=project,
        name=name,
        group=labels.group or None,
        job_type=labels.job_type or None,
        tags=labels.tags,
        dir=folder,
        config=_without_folders(config or {}),
    )
    _define(experiment)
    return [*loggers, WandbLogger(experiment=experiment)]


def _begin(mode: Literal["offline", "online"], dir: Path, **options: Any) -> Any:  # noqa: A002, ANN401  (W&B's own)
    """A W&B run; offline where online is not possible."""
    server = server_address()
    if mode == "online" and server not in _REFUSED:
        try:
            return _begin_online(dir, **options)
        except (wandb.Error, OSError, ValueError) as error:
            _REFUSED.add(server)
            _say_offline(dir, error)
    return wandb.init(mode="offline", dir=dir, settings=_private_settings(), **options)


def _begin_online(dir: Path, **options: Any) -> Any:  # noqa: A002, ANN401
    """A W&B run that sends at once; leaves nothing behind where it can not.

    Raises:
        OSError: no server answers.
        ValueError: the key is none.
        wandb.Error: there is no key, or the server takes no run.
    """
    check_server(_ANSWER)
    known = set(dir.glob("wandb/run-*"))
    try:
        with redirect_stderr(io.StringIO()):  # W&B asks a terminal for a key, and waits
            return wandb.init(mode="online", dir=dir, settings=_private_settings(init_timeout=_PATIENCE), **options)
    except (wandb.Error, OSError, ValueError):
        wandb.teardown()  # its helper process holds on to the run's id
        for path in set(dir.glob("wandb/run-*")) - known:  # nothing was logged there
            shutil.rmtree(path, ignore_errors=True)
        raise


def _say_offline(folder: Path, error: Exception) -> None:
    reason = " ".join(str(error).split())
    sys.stderr.write(
        f"W&B can not be used online ({reason}); this command's runs are kept offline, "
        f"'wandb sync {folder}/wandb/offline-run-*' sends this one later\n"
    )


def _define(experiment: Any) -> None:  # noqa: ANN401
    """Tell W&B which numbers are steps of which, and that the best of a training counts."""
    for name in set(STEPS.values()):
        experiment.define_metric(name, hidden=True)
    for names, step in STEPS.items():
        experiment.define_metric(names, step_metric=step)
    for name, best in BEST.items():
        experiment.define_metric(name, step_metric=STEPS["val/*"], summary=f"{best},last")


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


def _private_settings(**others: Any) -> Any:  # noqa: ANN401  (wandb is untyped here)
    return wandb.Settings(
        x_disable_stats=True,
        x_disable_meta=True,
        x_save_requirements=False,
        disable_code=True,
        disable_git=True,
        console="off",
        host="miad",
        silent=True,  # the command line says where the run is, once
        **others,
    )
