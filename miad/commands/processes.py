"""How many processes were started, and by what: torchrun, srun, or Lightning itself."""

import os
import threading
import time
from functools import cache

import torch.distributed
from lightning.pytorch.utilities import rank_zero_only

from miad.errors import InputError

_BEAT = 0.5
"""Seconds between two looks at whether the process that started this one still lives."""


def is_first_process() -> bool:
    """Whether this is the process that opens the run's folder and closes the run."""
    return not getattr(rank_zero_only, "rank", None)


def check_started(devices: int, num_nodes: int) -> None:
    """As many processes were started as the run is to have; Lightning would start those that are missing, or wait.

    Args:
        devices: processes on each machine.
        num_nodes: machines.

    Raises:
        InputError: there are more or fewer.
    """
    if torch.distributed.is_torchelastic_launched():
        started, local = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
        _check_equal("torchrun", started, local, devices, num_nodes)
    elif _is_in_slurm():
        tasks = int(os.environ["SLURM_NTASKS"])
        if tasks > 1 and "SLURM_STEP_ID" not in os.environ:
            raise InputError(f"expected srun before miad in a job of {tasks} tasks, found none; start it by srun")
        if tasks > 1 and "SLURM_NTASKS_PER_NODE" not in os.environ:
            raise InputError(f"expected --ntasks-per-node for {tasks} tasks, found --ntasks alone; give it to the job")
        _check_equal("srun", tasks, int(os.environ.get("SLURM_NTASKS_PER_NODE", tasks)), devices, num_nodes)
    elif num_nodes > 1:
        raise InputError(
            f"expected torchrun or srun to start miad on {num_nodes} machines, found neither; see CLUSTER.md"
        )


def _is_in_slurm() -> bool:
    """Whether Lightning takes SLURM's word for the number of processes; in an interactive shell it does not."""
    return "SLURM_NTASKS" in os.environ and os.environ.get("SLURM_JOB_NAME") not in ("bash", "interactive")


def _check_equal(starter: str, started: int, local: int, devices: int, num_nodes: int) -> None:
    if (devices, devices * num_nodes) != (local, started):
        raise InputError(
            f"expected --run.devices {local} and --run.num_nodes {-(-started // local)}, which is what "
            f"{starter} started, found {devices} and {num_nodes}; give the same numbers to both"
        )


@cache
def end_with_parent() -> None:
    """Let a process that Lightning started end as soon as the one that started it has; others would work on alone."""
    started_here = "LOCAL_RANK" in os.environ and not torch.distributed.is_torchelastic_launched()
    if started_here and os.environ["LOCAL_RANK"] != "0":
        threading.Thread(target=_follow, args=(os.getppid(),), daemon=True).start()


def _follow(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_BEAT)
    os._exit(1)  # what it was writing stays a draft, as after any kill
