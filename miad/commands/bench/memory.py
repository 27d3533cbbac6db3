"""The most memory that work takes."""

import ctypes
import gc
import sys
from collections.abc import Callable
from pathlib import Path

import torch

_FORGET = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


def most_memory(work: Callable[[], object], device: torch.device) -> float | None:
    """MiB at the moment when some work takes the most; see `memory_kind` for what is counted.

    Returns:
        None where the system does not tell.
    """
    _give_back()
    _forget(device)
    work()
    return _most(device)


def memory_kind(device: torch.device) -> str:
    """What `most_memory` counts.

    Returns:
        ``device``: tensors on an accelerator of its own memory. ``process``: all that the process holds while it works.
        ``process so far``: the same, but the most since the process began, since this system does not forget it.
    """
    if device.type == "cuda":
        return "device"
    return "process" if _forget(device) else "process so far"


def show_memory(mib: float | None) -> str:
    """For a table."""
    return "-" if mib is None else f"{mib:.0f}"


def _give_back() -> None:
    """What earlier work left is not this work's, and the C library may hold on to it."""
    gc.collect()
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):  # glibc only
        trim(0)


def _forget(device: torch.device) -> bool:
    """Begin anew to look for the most; whether that can be done here."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return True
    try:
        _FORGET.write_text("5", encoding="ascii")  # proc(5): resets VmHWM
    except OSError:
        return False
    return True


def _most(device: torch.device) -> float | None:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if _STATUS.exists():
        lines = _STATUS.read_text(encoding="ascii", errors="replace").splitlines()
        return next((int(line.split()[1]) / 2**10 for line in lines if line.startswith("VmHWM:")), None)
    return _most_of_process()


def _most_of_process() -> float | None:
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (2**20 if sys.platform == "darwin" else 2**10)
