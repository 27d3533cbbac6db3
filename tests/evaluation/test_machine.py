"""What computes is told by versions and kinds of hardware, and not by names."""

import getpass
import importlib.metadata
import os
import platform
import re
import socket

import torch

from miad.evaluation.machine import device_words, machine_facts


def test_versions_are_those_that_are_installed():
    facts = machine_facts()
    assert facts["Python"] == ".".join(map(str, platform.python_version_tuple()))
    assert facts["torch"].partition("+")[0] == torch.__version__.partition("+")[0]
    assert facts["lightning"] == importlib.metadata.version("lightning")
    assert f"numpy {importlib.metadata.version('numpy')}" in facts["other packages"]


def test_cores_are_those_that_this_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3, 5, 7}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert machine_facts()["cores in use"] == "3 of 64, 1 thread"


def test_accelerators_are_counted(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    names = ["A100", "A100", "T4"]
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(names))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: names[index])
    assert machine_facts()["accelerator"] == "2 x A100, T4"
    names.clear()
    assert machine_facts()["accelerator"] == "none"


def test_the_device_is_told_with_the_number_of_processes(monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"card {device.index}")
    assert device_words(torch.device("cpu"), 1) == "CPU"
    assert device_words(torch.device("cpu"), 2) == "2 x CPU"
    assert device_words(torch.device("cuda", 1), 4) == "4 x card 1"


def test_nobody_and_no_machine_is_named():
    text = " ".join(machine_facts().values())
    for name in (socket.gethostname(), getpass.getuser(), os.path.expanduser("~")):  # noqa: PTH111
        assert not re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text)
