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

from miad.errors import InputError, MiadError, RunError
from miad.keys.file import KeyFile
from miad.keys.key import Key, open_key, open_with
from miad.keys.sealing import Identity

Job = TypeVar("Job")
Result = TypeVar("Result")

_CHUNK = 8
"""Images handed to a process at a time."""
_key: Key | MiadError | None = None
"""Of this process, where it is a worker; or why it could not be opened."""


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
        InputError: another file lies at the key's path by now.
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
        (key.path, secrets, key.signed),
    )
    chunk = max(1, min(_CHUNK, len(jobs) // processes))
    try:
        yield from pool.map(_call, ((function, job) for job in jobs), chunksize=chunk)
    except BrokenProcessPool:
        raise RunError("a process of the recovery was killed; start it again with fewer processes") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start(path: Path, secrets: Sequence[str], signed: tuple[str, str]) -> None:
    """Open the key in a new process, which ends when the first one does, however that ends."""
    global _key
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the first process tells of an interruption
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    try:
        _key = _open_again(path, secrets, signed)
    except MiadError as error:  # raised here it would look as if the process had been killed
        _key = error


def _open_again(path: Path, secrets: Sequence[str], signed: tuple[str, str]) -> Key:
    """The key that the first process has open, and no other that took its place."""
    key = open_with(KeyFile(path), [Identity.parse(text) for text in secrets]) if secrets else open_key(path)
    if key.signed != signed:
        raise InputError(f"{path}: the key was replaced while it was being read; start again")
    return key


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)


def _call(job: tuple[Callable[[Key, Job], Result], Job]) -> Result:
    if isinstance(_key, MiadError):
        raise _key
    assert _key is not None
    return job[0](_key, job[1])
