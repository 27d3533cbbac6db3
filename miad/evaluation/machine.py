"""What computes: versions and hardware."""

import os
import platform
import re
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import torch

import miad

_PACKAGES = ("torchvision", "timm", "segmentation-models-pytorch", "numpy", "scikit-image")


def machine_facts() -> dict[str, str]:
    """Versions and hardware by name; nothing that names the machine or its user."""
    return {
        "miad": miad.__version__,
        "Python": platform.python_version(),
        "torch": version("torch"),
        "lightning": version("lightning"),
        "other packages": ", ".join(f"{name} {version(name)}" for name in _PACKAGES),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores in use": f"{_cores()} of {os.cpu_count()}, {_counted(torch.get_num_threads(), 'thread')}",
        "accelerator": _accelerators(),
    }


def device_words(device: torch.device, processes: int) -> str:
    """What a run computes on.

    Args:
        device: that of one process.
        processes: that have one like it each.
    """
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type.upper()
    return name if processes == 1 else f"{processes} x {name}"


def _processor() -> str:
    """Its model; Linux does not tell it elsewhere."""
    path = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", path.read_text(encoding="utf-8")) if path.exists() else None
    return found[1].strip() if found else platform.processor() or "unknown"


def _cores() -> int:
    """Those that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _accelerators() -> str:
    if torch.backends.mps.is_available():
        return "Apple GPU"
    names = Counter(torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count()))
    return ", ".join(name if count == 1 else f"{count} x {name}" for name, count in names.items()) or "none"
