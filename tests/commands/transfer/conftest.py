"""Small transfer tables, and what is marked and scored for them."""

import csv
import shutil

import numpy as np
import pytest

import miad.commands.cells as cells_module
from miad.commands.evaluate import transfer
from miad.commands.run import Run
from miad.data import Phantom

from ..conftest import save_run

IMAGES = 15
BATCH = 10
"""Images in flight; other batches would round probabilities otherwise."""
GROUPS = {
    "all but one": ["three", "two"],
    "all but two": ["one", "three"],
    "all but three": ["one", "two"],
    "one": ["one"],
    "two": ["two"],
    "three": ["three"],
    "all": ["one", "three", "two"],
}
LESION_EVERYWHERE = 4
"""An image without room for the mark."""


def some_data(images=IMAGES, size=48):
    """Small slices, of which one is lesion all over."""
    data = Phantom("brain", size, train=0, val=0, test=images)
    dataset = data.split("test")
    drawn = dataset.lesion_mask
    dataset.lesion_mask = lambda index: np.ones((size, size), bool) if index == LESION_EVERYWHERE else drawn(index)
    return data


def a_run(root, name="table", **options):
    return Run(name, root, accelerator="cpu", wandb="off", progress=False, **options)


def names_of(nets):
    return ",".join(map(str, nets))


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def cell_folders(root, cells="cells"):
    return sorted(path for path in (root / cells).iterdir() if not path.name.startswith("originals"))


@pytest.fixture(scope="session")
def nets(zoo, tmp_path_factory):
    """The three of the zoo, and one that is only tested on."""
    return [*zoo, save_run(tmp_path_factory.mktemp("unseen") / "four", 3)]


@pytest.fixture(scope="session")
def finished(nets, tmp_path_factory):
    """The root of one undisturbed table of all protocols, shared by the tests that only read it."""
    root = tmp_path_factory.mktemp("transfer")
    protocols = "leave_one_out,matrix,ensemble"
    transfer(some_data(), names_of(nets[:3]), a_run(root), str(nets[3]), protocols, "random,he", images=BATCH)
    return root


@pytest.fixture
def copied(finished, tmp_path):
    """The finished cells, to be written to."""
    shutil.copytree(finished / "cells", tmp_path / "cells")
    return tmp_path


@pytest.fixture
def work(monkeypatch):
    """What is marked (names of cells) and scored (names of targets) from now on."""
    done = {"marked": [], "scored": []}
    mark, score = cells_module.mark_images, cells_module.score_images

    def marking(data, dataset, task, run, *arguments, **options):
        done["marked"].append(run.name.rpartition("-")[0])
        return mark(data, dataset, task, run, *arguments, **options)

    def scoring(target, *arguments):
        done["scored"].append(target.name)
        return score(target, *arguments)

    monkeypatch.setattr(cells_module, "mark_images", marking)
    monkeypatch.setattr(cells_module, "score_images", scoring)
    return done


def few(nets, run, images=6, size=48, **options):
    """A small matrix of two classifiers, so two cells."""
    options = {"protocols": "matrix", "searches": "random"} | options
    transfer(some_data(images, size), names_of(nets), run, **options)
