"""An attack that is killed again and again, as a process of its own, ends like one that is not."""

import csv
import io
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress

import numpy as np
import pytest

from miad.imaging import pixel_digest, read_image
from miad.keys import open_key

from .conftest import tree

IMAGES = 40


@pytest.fixture
def words(zoo, tmp_path):
    """A function that gives the command of a small attack; its runs are called alike, in folders of their own."""

    def command(root):
        data = ["--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0"]
        run = ["--run.name", "run", "--run.root", str(tmp_path / root), "--run.wandb", "off", "--no_run.progress"]
        search = ["--sources", str(zoo[0]), "--search", "he", "--images", "2", "--batch_size", "4"]
        return [sys.executable, "-m", "miad", "attack", *data, "--data.test", str(IMAGES), *search, *run]

    return command


def start(command):
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def booked(folder):
    """Images in the journal of a run, whatever it is doing just now."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"file:{folder}/journal/0.sqlite?mode=ro", uri=True)) as base:
        return [image for (image,) in base.execute("SELECT image FROM entry")]
    return []


def wait_until(process, seen):
    while process.poll() is None and not seen():
        time.sleep(0.002)


def strike(process, folder, generator):
    """SIGKILL at a random moment: while it starts, when some more images are booked, or while it closes."""
    kind, done = generator.integers(8), len(booked(folder))
    if kind == 0:
        time.sleep(generator.uniform(0, 6))
    elif kind == 1:
        wait_until(process, lambda: (folder / "attack.csv").exists() or (folder / "lesions.png").exists())
    else:
        wait_until(process, lambda: len(booked(folder)) > done)
        time.sleep(generator.uniform(0, 0.2))
    process.kill()
    return finish(process)


def finish(process):
    _, said = process.communicate()
    return process.returncode, said.decode()


def assert_sound(folder):
    """Nothing that has its name is half-written, and no image is booked twice."""
    for path in folder.glob("marked/*.png"):
        read_image(path)
    images = booked(folder)
    assert len(images) == len(set(images))
    assert all((folder / "marked" / image).exists() for image in images)


def comparable(folder):
    """All files; columns and rows of times left out, and the folder of runs."""
    files = tree(folder)
    for name in ("attack.csv", "metrics.csv"):
        table = csv.reader(io.StringIO(files[name].decode()))
        files[name] = [row for row in table if "second" not in row[0]]
    lines = files["config.yaml"].decode().splitlines()
    files["config.yaml"] = [line for line in lines if not line.strip().startswith("root:")]
    return files


def assert_ended(folder, undisturbed):
    ended = comparable(folder)
    assert not [name for name in ended if "draft" in name or "journal" in name]
    assert ended == undisturbed
    with open_key(folder / "run.miadkey") as key:
        assert set(key.records) == {pixel_digest(read_image(path)) for path in folder.glob("marked/*.png")}
        assert len(key.records) == IMAGES


@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_a_killed_attack_goes_on_and_ends_with_the_same_files(words, tmp_path, kills):
    assert start(words("undisturbed")).communicate()[1] == b""
    undisturbed, generator = comparable(tmp_path / "undisturbed" / "run"), np.random.default_rng(kills)
    killed, runs = 0, 0
    while killed < kills:
        root, runs = f"killed{runs}", runs + 1
        folder, code = tmp_path / root / "run", -signal.SIGKILL
        while code == -signal.SIGKILL:  # until it is done, by itself or before the last kill
            process = start(words(root))
            code, said = strike(process, folder, generator) if killed < kills else finish(process)
            killed += code == -signal.SIGKILL
            assert_sound(folder)
        assert code == 0 or (code == 2 and "holds this run, finished" in said), said
        assert_ended(folder, undisturbed)
    print(f"{killed} kills, {runs} runs")  # noqa: T201  (shown by -s)
