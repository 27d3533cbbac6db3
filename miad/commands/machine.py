"""What computed a report: versions and hardware."""

import os
import platform
import re
from importlib.metadata import version
from pathlib import Path

import torch

import miad

_PACKAGES = ("torch", "torchvision", "lightning", "timm", "segmentation-models-pytorch", "numpy", "scikit-image")


def machine_facts() -> dict[str, str]:
    """Versions and hardware by name; nothing that names the machine or its user."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return {
        "miad": miad.__version__,
        "Python": platform.python_version(),
        "packages": packages,
        "system": f"{platform.system()} {platform.machine()}",
        "processor": f"{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads",
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
    }


def _processor() -> str:
    """Its model; Linux does not tell it elsewhere."""
    path = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", path.read_text(encoding="utf-8")) if path.exists() else None
    return found[1].strip() if found else platform.processor() or "unknown"
