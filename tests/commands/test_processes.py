"""Several processes write what one does, byte for byte."""

import os
import subprocess
import sys

import pytest

from .conftest import tree


@pytest.fixture
def mark(zoo, tmp_path):
    """A function that attacks with so many processes and returns the files."""

    def run(processes):
        root = tmp_path / str(processes)
        words = ["attack", "--data", "Phantom", "--data.size", "48", "--data.train", "12", "--data.val", "0"]
        words += ["--data.test", "11", "--sources", f"{zoo[0]},{zoo[1]}", "--ensemble", "--unseen", str(zoo[2])]
        words += ["--search", "learned", "--search.candidates", "16", "--search.kept", "4", "--search.examples", "2"]
        words += ["--images", "2", "--run.name", "a", "--run.root", str(root), "--run.wandb", "off"]
        words += ["--no_run.progress", "--run.accelerator", "cpu", "--run.devices", str(processes)]
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
        done = subprocess.run([sys.executable, "-m", "miad", *words], env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        files = tree(root / "a")
        files["config.yaml"] = b"\n".join(
            line for line in files["config.yaml"].split(b"\n") if b"devices" not in line and b"root" not in line
        )
        return files

    return run


@pytest.mark.parametrize("processes", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_several_processes_write_what_one_does(mark, processes):
    one, several = mark(1), mark(processes)
    assert several.keys() == one.keys()
    assert [name for name in one if one[name] != several[name]] == []
