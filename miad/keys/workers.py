"""Do the same to many images, over several processes that open the key each for itself."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import TypeVar

import torch

from miad.errors import RunError
from miad.keys.file import KeyFile
from miad.keys.key import Key, open_key, open_with
from miad.keys.sealing import Identity

Job = TypeVar("Job")
Result = TypeVar("Result")

_CHUNK = 8
"""Images handed to a process at a time."""
_key: Key | None = None
"""Of this process, where it is a worker."""


def map_over_processes(
    key: Key, function: Callable[[Key, Job], Result], jobs: Sequence[Job], processes: int
) -> Iterator[Result]:
    """Call a function on every job, in order.

    Args:
        key: what the function is given.
        function: at a module's top.
        jobs: its other argument.
        processes: how many; with one nothing is started.

    Raises:
        RunError: a process was killed.
    """
    if processes == 1 or len(jobs) < 2:
        yield from (function(key, job) for job in jobs)
        return
    # Secrets go through a pipe: no file, no argument and no environment ever holds them.
    secrets = [identity.reveal() for identity in key.identities]
    pool = ProcessPoolExecutor(
        min(processes, len(jobs)),
        multiprocessing.get_context("spawn"),  # a fork would copy torch's threads half-way
        _start,
        (key.path, secrets),
    )
    chunk = max(1, min(_CHUNK, len(jobs) // processes))
    try:
        yield from pool.map(_call, ((function, job) for job in jobs), chunksize=chunk)
    except BrokenProcessPool:
        raise RunError("a process of the recovery was killed; start it again with fewer --processes") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start(path: Path, secrets: Sequence[str]) -> None:
    """Open the key in a new process, which ends when the first one does, however that ends."""
    global _key
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process tells of an interruption
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    _key = open_with(KeyFile(path), [Identity.parse(text) for text in secrets]) if secrets else open_key(path)


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _call(job: tuple[Callable[[Key, Job], Result], Job]) -> Result:
    assert _key is not None
    return job[0](_key, job[1])
