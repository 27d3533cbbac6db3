"""The most memory is that of the work in question, where the system can tell."""

import numpy as np
import pytest
import torch

from miad.commands.bench import memory
from miad.commands.bench.memory import memory_kind, most_memory, show_memory

CPU = torch.device("cpu")
MIB = 2**20
resettable = pytest.mark.skipif(memory_kind(CPU) != "process", reason="this system does not forget the most memory")


def take(mib):
    return lambda: np.ones(mib * MIB, dtype=np.uint8).sum()


@resettable
@pytest.mark.parametrize("order", [(10, 200), (200, 10)])
def test_the_most_is_that_of_the_work_whatever_was_before(order):
    found = dict(zip(order, [most_memory(take(mib), CPU) for mib in order], strict=True))
    assert found[200] - found[10] == pytest.approx(190, abs=20)


def test_where_the_system_does_not_forget_it_is_said(monkeypatch, tmp_path):
    most_memory(take(300), CPU)
    before = memory._most(CPU)
    monkeypatch.setattr(memory, "_FORGET", tmp_path / "nothing" / "clear_refs")
    assert memory_kind(CPU) == "process so far"
    assert most_memory(take(1), CPU) >= before


def test_without_proc_the_process_is_asked(monkeypatch, tmp_path):
    most_memory(take(100), CPU)
    expected = memory._most(CPU)
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "status")
    assert memory._most(CPU) == pytest.approx(expected, rel=0.1)


def test_memory_in_a_table():
    assert (show_memory(12.6), show_memory(None)) == ("13", "-")


@pytest.mark.gpu
def test_a_device_of_its_own_counts_its_tensors():
    device = torch.device("cuda")
    found = [
        most_memory(lambda mib=mib: torch.ones(mib * MIB, dtype=torch.uint8, device=device), device)
        for mib in (200, 10)
    ]
    assert found[0] - found[1] == pytest.approx(190, abs=5)
    assert memory_kind(device) == "device"
