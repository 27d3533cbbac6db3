"""Several processes write what one does, byte for byte, whoever starts them and however they end."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .conftest import tree

ENVIRONMENT = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
MIAD = [sys.executable, "-m", "miad"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]
TWO = ["--run.devices", "2"]

FAILING = """
import os, signal, time
from miad.errors import InputError
from miad.tasks import MarkingWriter
from miad.cli import main

write = MarkingWriter.write_on_batch_end

def write_and_end(self, trainer, *rest):
    write(self, trainer, *rest)
    time.sleep(0.5)  # so that the others are at work when this one ends
    if trainer.global_rank == {rank}:
        {end}

MarkingWriter.write_on_batch_end = write_and_end
main()
"""
ENDS = {
    "raises": "raise InputError('expected an image, found none; mend it')",
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
}


@pytest.fixture
def words(zoo, tmp_path):
    """A function that gives the words of an attack in a folder."""

    def attack(folder):
        words = ["attack", "--data", "Phantom", "--data.size", "48", "--data.train", "12", "--data.val", "0"]
        words += ["--data.test", "11", "--sources", str(zoo[0]), "--unseen", f"{zoo[1]},{zoo[2]}"]
        words += ["--search", "learned", "--search.candidates", "16", "--search.kept", "4", "--search.examples", "2"]
        words += ["--images", "1", "--run.name", "a", "--run.root", str(tmp_path / folder), "--run.wandb", "off"]
        return [*words, "--no_run.progress", "--run.accelerator", "cpu"]

    return attack


@pytest.fixture
def mark(words, tmp_path):
    """A function that attacks in a folder and returns the files."""

    def run(folder, *options, start=MIAD):
        done = subprocess.run([*start, *words(folder), *options], env=ENVIRONMENT, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return files_of(tmp_path / folder / "a")

    return run


def files_of(folder):
    """The files of a run, without what names its folder and processes."""
    files = tree(folder)
    lines = files["config.yaml"].split(b"\n")
    files["config.yaml"] = b"\n".join(line for line in lines if not any(name in line for name in (b"devices", b"root")))
    files["config.yaml"] = files["config.yaml"].replace(b"num_nodes: 2", b"num_nodes: 1")
    return files


def assert_same(several, one):
    assert several.keys() == one.keys()
    assert [name for name in one if one[name] != several[name]] == []


@pytest.mark.parametrize("processes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_several_processes_write_what_one_does(mark, processes):
    assert_same(mark("several", "--run.devices", str(processes)), mark("one"))


@pytest.mark.slow
def test_torchrun_starts_several_processes(mark):
    start = [*TORCHRUN, "--standalone", "--nproc-per-node", "2", "-m", "miad"]
    assert_same(mark("several", *TWO, start=start), mark("one"))


@pytest.mark.slow
def test_two_machines_write_what_one_does(mark, words, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = ["--nnodes", "2", "--nproc-per-node", "1", "--master-addr", "127.0.0.1", "--master-port", str(port)]
    machines = [
        subprocess.Popen(
            [*TORCHRUN, *place, "--node-rank", str(rank), "-m", "miad", *words("several"), "--run.num_nodes", "2"],
            env=ENVIRONMENT,
            stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]
    said = [machine.communicate()[1].decode() for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    assert_same(files_of(tmp_path / "several" / "a"), mark("one"))


@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("how", ENDS)
def test_when_one_process_ends_the_other_ends_and_the_same_command_goes_on(mark, words, tmp_path, how, rank):
    script = tmp_path / "failing.py"
    script.write_text(FAILING.format(rank=rank, end=ENDS[how]))
    command = [sys.executable, str(script), *words("failed"), *TWO]
    with subprocess.Popen(command, env=ENVIRONMENT, stderr=subprocess.PIPE, start_new_session=True) as process:
        _, said = process.communicate(timeout=300)  # ends when both have closed it
    assert process.returncode != 0
    assert (b"expected an image, found none; mend it" in said) == (how == "raises")
    assert not (tmp_path / "failed" / "a" / "metrics.csv").exists()
    assert_same(mark("failed", *TWO), mark("one"))


@pytest.mark.slow
def test_a_second_start_is_refused_while_the_first_works(mark, words, tmp_path):
    command = [*MIAD, *words("first"), *TWO]
    with subprocess.Popen(command, env=ENVIRONMENT) as first:
        while not (tmp_path / "first" / "a" / "lock").exists() and first.poll() is None:
            time.sleep(0.1)
        second = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False)
    assert (second.returncode, first.returncode) == (2, 0)
    assert second.stderr.count(b"\n") == 1
    assert b"another process works in it" in second.stderr
    assert_same(files_of(tmp_path / "first" / "a"), mark("one"))


@pytest.mark.slow
def test_a_run_with_fewer_images_left_than_processes_goes_on(mark, words, tmp_path):
    script = tmp_path / "failing.py"
    end = f"len(self.journal.images()) < 10 or {ENDS['killed']}"
    script.write_text(FAILING.format(rank=0, end=end))
    assert subprocess.run([sys.executable, str(script), *words("few")], env=ENVIRONMENT, check=False).returncode < 0
    assert_same(mark("few", "--run.devices", "3"), mark("one"))


@pytest.mark.slow
def test_several_processes_make_the_same_transfer_table(zoo, tmp_path):
    """Two models, so that a cell is asked for twice in a row, and is done by the time it is asked for again."""
    tables = []
    for processes in ("1", "2"):
        words = ["evaluate", "transfer", "--data", "Phantom", "--data.size", "48", "--data.train", "0"]
        words += ["--data.val", "0", "--data.test", "8", "--models", f"{zoo[0]},{zoo[1]}", "--searches", "random"]
        words += ["--protocols", "leave_one_out,matrix", "--run.name", "t", "--run.root", str(tmp_path / processes)]
        words += ["--run.wandb", "off", "--no_run.progress", "--run.accelerator", "cpu", "--run.devices", processes]
        done = subprocess.run([*MIAD, *words], env=ENVIRONMENT, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        files = tree(tmp_path / processes)
        tables.append({name: data for name, data in files.items() if "config" not in name and "logs/" not in name})
    assert_same(tables[1], tables[0])


def test_a_process_ends_with_the_one_that_started_it(tmp_path):
    child = "from miad.commands.processes import end_with_parent; end_with_parent(); import time; "
    child += f"open({str(tmp_path / 'up')!r}, 'w').close(); time.sleep(300)"
    parent = "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', sys.argv[1]]).pid, flush=True); "
    parent += "sys.stdin.read()"
    command = [sys.executable, "-c", parent, child]
    environment = {**ENVIRONMENT, "LOCAL_RANK": "1"}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as first:
        second = int(first.stdout.readline())
        while not (tmp_path / "up").exists():
            assert is_running(second)
            time.sleep(0.1)
        time.sleep(1)
        assert is_running(second)
        first.send_signal(signal.SIGKILL)
        deadline = time.monotonic() + 60
        while is_running(second) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not is_running(second)


def is_running(number):
    """Whether a process is there and no zombie."""
    status = Path(f"/proc/{number}/stat")
    try:
        return status.read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
