"""Removal from the images that an attack wrote, deltas of its own included, against its files and its key."""

import shutil
from pathlib import Path

import cv2
import pytest
import torch

from miad.commands.attack import attack
from miad.commands.removal import removal
from miad.data import Phantom, marked_names
from miad.errors import InputError
from miad.imaging import pixel_digest, read_image, to_tensor
from miad.keys import open_key, unblend
from miad.measures import rmse
from miad.models import find_checkpoint, load_remover
from miad.search import RandomSearch
from miad.tensors import to_levels, to_unit
from miad.vaccine import VaccineOptions

from .conftest import quiet, read, save_remover, tree

FAMILIES = ("free", "near", "universal")


def images():
    return Phantom("brain", 48, train=6, val=0, test=4)


@pytest.fixture(scope="module")
def remover(tmp_path_factory):
    return str(save_remover(tmp_path_factory.mktemp("removers") / "wdnet", "wdnet", 4))


def hardened(family, zoo, remover, root):
    """An attack over deltas; its folder."""
    run = quiet("hardened", root)
    vaccine = VaccineOptions("delta_d", steps=2, step=4.0, family=family, examples=3, start="uniform")
    attack(images(), str(zoo[0]), run, search=RandomSearch(2), vaccine=vaccine, removers=remover)
    return run.folder


@pytest.fixture(scope="module", params=FAMILIES)
def marked(request, zoo, remover, tmp_path_factory):
    return hardened(request.param, zoo, remover, tmp_path_factory.mktemp("marked"))


def study(zoo, marked, remover, run, **options):
    given = {"removed_by": "", "denoised_by": "nlm:8", "status": "marked", "pictures": 0} | options
    removal(images(), marked, str(zoo[0]), remover, run, **given)
    return run.folder


@pytest.fixture(scope="module")
def rows(zoo, marked, remover, tmp_path_factory):
    """Rows of every image, by delta and adversary."""
    folder = study(zoo, marked, remover, quiet("study", tmp_path_factory.mktemp("study")))
    return {(row["vaccine"], row["removed_by"], row["image"]): row for row in read(folder / "removal_images.csv")}


@pytest.fixture
def files(marked):
    """Original, marked file and record of every image."""
    dataset, key = images().split("test"), open_key(next(marked.glob("*.miadkey")))
    found = {}
    for index, (id_, name) in enumerate(marked_names(dataset).items()):
        written = read_image(marked / "marked" / name)
        found[id_] = dataset.pixels(index), written, key, key.records[pixel_digest(written)]
    return found


@torch.no_grad()
def clean(network, pixels):
    return to_levels(network(to_unit(to_tensor(pixels)[None])).image)[0]


def test_its_own_delta_is_studied_beside_the_same_marks_without(rows):
    assert {vaccine for vaccine, _, _ in rows} == {"own", "none"}


def test_what_is_studied_are_the_files_that_it_wrote(rows, files, remover):
    network = load_remover(find_checkpoint(Path(remover)))
    for id_, (original, written, _, _) in files.items():
        denoised = cv2.fastNlMeansDenoising(written, None, 8, 5, 13)
        seen = {"nothing": to_tensor(written), "wdnet": clean(network, written)}
        seen["wdnet after nlm:8"] = clean(network, denoised)
        for name, pixels in seen.items():
            expected = rmse(pixels.numpy(), to_tensor(original).numpy())
            assert float(rows["own", name, id_]["rmse"]) == pytest.approx(expected, abs=1e-4)


def test_an_exact_removal_leaves_the_delta_that_its_key_holds(rows, files):
    for id_, (original, written, key, record) in files.items():
        host = unblend(written, record, key.rendering(record), key.shared(record))
        assert float(rows["own", "exact", id_]["rmse"]) == pytest.approx(rmse(host, original), abs=1e-4)
        assert float(rows["own", "exact", id_]["rmse_protected"]) == 0
        assert (float(rows["own", "exact", id_]["rmse"]) > 0) == bool(record.delta)
        assert float(rows["none", "exact", id_]["rmse"]) == 0


def test_what_it_costs_is_what_its_key_holds(rows, files):
    for id_, (_, _, _, record) in files.items():
        row = rows["own", "nothing", id_]
        sizes = [len(record.delta), len(record.remainder), len(record.to_bytes())]
        assert [float(row[name]) for name in ("delta_bytes", "remainder_bytes", "record_bytes")] == sizes
    assert any(record.delta for *_, record in files.values())


def test_reading_changes_nothing(zoo, remover, tmp_path):
    marked = hardened("free", zoo, remover, tmp_path)
    before = tree(marked)
    study(zoo, marked, remover, quiet("study", tmp_path), vaccines="own")
    assert tree(marked) == before


@pytest.mark.parametrize("damage", ["missing", "edited"])
def test_a_marked_file_that_is_not_the_one_written_is_refused(zoo, remover, tmp_path, damage):
    marked = hardened("free", zoo, remover, tmp_path)
    path = sorted((marked / "marked").rglob("*.png"))[1]
    others = sorted((marked / "marked").rglob("*.png"))[2]
    path.unlink()
    if damage == "edited":
        shutil.copy(others, path)
    with pytest.raises(InputError, match=path.name):
        study(zoo, marked, remover, quiet("study", tmp_path), vaccines="own")
    assert not (tmp_path / "study").exists()
