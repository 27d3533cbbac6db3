"""The whole walk on the files of hospitals: DICOM, deep TIFF and PNG, JPEG; their marks, their key, their originals."""

import warnings
from pathlib import PurePath

import cv2
import numpy as np
import pydicom
import pytest
import tifffile
import torch
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.uid import JPEG2000Lossless, RLELossless

from miad.commands.attack import attack
from miad.commands.recover import recover
from miad.data import Folder
from miad.data.phantom.images import draw_phantom
from miad.errors import InputError
from miad.imaging import file_kind, read_image, read_stored, to_tensor
from miad.keys import open_key
from miad.search import RandomSearch
from miad.targets import load_target
from miad.tasks import AttackTask, Journal
from miad.vaccine import VaccineOptions

from .conftest import quiet, read, save_run, tree

CLASSES = ["glioma", "meningioma"]
SIZE = 48
CANDIDATES = 30


def slice_of(number, levels=4096):
    """A drawn slice in so many levels, not the multiples of 256 alone."""
    drawn = draw_phantom("brain", SIZE, 9, number).pixels.astype(np.int64)
    return (drawn * (levels - 1) // 255 + np.random.default_rng(number).integers(0, 9, drawn.shape)).clip(0, levels - 1)


def save_dicom(path, pixels, syntax=None, **tags):
    """A CT's data set around other pixels."""
    ds = pydicom.dcmread(get_testdata_file("CT_small.dcm", download=False))
    ds.Rows, ds.Columns = pixels.shape
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.{sum(map(ord, path.name))}"
    ds.PixelRepresentation, ds.BitsStored, ds.HighBit = int(pixels.min() < 0), 12, 11
    del ds.PixelPaddingValue
    for name, value in tags.items():
        setattr(ds, name, value)
    ds.PixelData = pixels.astype("<i2").tobytes()
    if syntax is not None:
        ds.compress(syntax, generate_instance_uid=False)
    ds.save_as(path)


def make_files(root):
    """Every kind of file."""
    root.mkdir()
    save_dicom(root / "1.dcm", slice_of(1))
    save_dicom(root / "2.2023", slice_of(2, 2048) - 1000, WindowCenter=-24, WindowWidth=1000, RescaleIntercept=-1024)
    save_dicom(
        root / "inverted", slice_of(3), PhotometricInterpretation="MONOCHROME1", WindowCenter=1500, WindowWidth=3000
    )
    save_dicom(root / "rle.dcm", slice_of(4), RLELossless)
    save_dicom(root / "j2k.dcm", slice_of(5), JPEG2000Lossless)
    tifffile.imwrite(root / "deep.tif", slice_of(6, 65536).astype(np.uint16), photometric="minisblack")
    tifffile.imwrite(root / "flat.tiff", draw_phantom("brain", SIZE, 9, 7).pixels, photometric="minisblack")
    colour = np.stack([slice_of(number, 65536) for number in (8, 9, 10)], 2).astype(np.uint16)
    cv2.imwrite(str(root / "colour.png"), colour)
    cv2.imwrite(str(root / "grey.png"), slice_of(11, 65536).astype(np.uint16))
    Image.fromarray(draw_phantom("brain", SIZE, 9, 12).pixels).save(root / "photo.jpg", quality=95)


def sort_files(root, target):
    """Into the folders of the classes as which the classifier reads them, so that it is right."""
    for name in CLASSES:
        (root / name).mkdir()
    for path in [path for path in root.iterdir() if path.is_file()]:
        with torch.no_grad():
            label = int(target(to_tensor(read_image(path))[None]).argmax())
        path.rename(root / CLASSES[label] / path.name)


@pytest.fixture(autouse=True)
def silent():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the CT breaks a rule or two
        yield


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    return save_run(tmp_path_factory.mktemp("zoo") / "one", 1, CLASSES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory, classifier):
    root = tmp_path_factory.mktemp("set") / "val"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        make_files(root)
        sort_files(root, load_target(classifier))
    return root


def walk(classifier, folder, root, **options):
    data = Folder(folder.parent, size=options.pop("size", None))
    run = quiet("run", root)
    attack(data, str(classifier), run, split="val", images=4, search=RandomSearch(CANDIDATES), **options)
    return run.folder


@pytest.fixture(scope="module")
def marked(classifier, folder, tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return walk(classifier, folder, root)


MARKED = {
    "1.dcm": "1.dcm",
    "2.2023.dcm": "2.2023",
    "inverted.dcm": "inverted",
    "rle.dcm": "rle.dcm",
    "j2k.dcm": "j2k.dcm",
}
MARKED |= {"deep.tif": "deep.tif", "flat.tif": "flat.tiff", "colour.png": "colour.png", "grey.png": "grey.png"}
MARKED |= {"photo.png": "photo.jpg"}
"""Names of marked files and of their originals."""


def files(folder):
    return {path.name: path for path in sorted(folder.rglob("*")) if path.is_file()}


def original_of(name, folder):
    return files(folder)[MARKED[name]]


def test_files_keep_their_kind_and_their_depth(marked, folder):
    found = files(marked / "marked")
    assert found.keys() == MARKED.keys()
    for name, path in found.items():
        before, after = read_stored(original_of(name, folder)), read_stored(path)
        kind = "png" if name == "photo.png" else before.kind
        assert (after.kind, after.pixels.dtype, after.pixels.shape) == (kind, before.pixels.dtype, before.pixels.shape)
        assert after.window == before.window
        assert not np.array_equal(after.pixels, before.pixels)


def test_originals_come_back_bit_for_bit(marked, folder, tmp_path):
    assert recover(marked / "run.miadkey", marked / "marked", tmp_path) == len(MARKED)
    found = files(tmp_path)
    assert found.keys() == MARKED.keys()
    for name, path in found.items():
        original = original_of(name, folder)
        before, after = read_stored(original), read_stored(path)
        assert np.array_equal(before.pixels, after.pixels)
        assert (before.window, file_kind(path)) == (after.window, after.kind)
        if name in ("1.dcm", "2.2023.dcm", "inverted.dcm"):
            assert path.read_bytes() == original.read_bytes()
            assert pydicom.dcmread(path) == pydicom.dcmread(original)
        elif after.kind == "dicom":
            one, other = pydicom.dcmread(path), pydicom.dcmread(original)
            assert np.array_equal(one.pixel_array, other.pixel_array)
            assert [own for own in one if own.keyword != "PixelData"] == [o for o in other if o.keyword != "PixelData"]


def test_success_is_judged_on_the_files_as_they_are_seen(marked, folder, classifier):
    target, found = load_target(classifier), files(marked / "marked")
    names = {original: name for name, original in MARKED.items()}
    rows = read(marked / "attack.csv")
    for row in rows:
        seen = to_tensor(read_image(found[names[PurePath(row["image"]).name]]))[None]
        with torch.no_grad():
            misread = int(target(seen).argmax()) != CLASSES.index(row["label"])
        assert row["status"] == ("success" if misread else "failed")
    assert "success" in {row["status"] for row in rows}


def test_what_is_seen_of_a_mark_is_what_was_searched(marked, folder):
    """Up to the rounding to stored levels: the mark on the view."""
    with open_key(marked / "run.miadkey") as key:
        for record in key.records.values():
            rendering = key.rendering(record)
            view = read_image(original_of(PurePath(record.file).name, folder)).astype(int)
            seen = read_image(marked / "marked" / record.file).astype(int)
            height, width = rendering.coverage.shape
            weight = np.where(rendering.coverage >= 128, record.alpha, 0)
            logo = rendering.rgb[..., 0].astype(int) if view.ndim == 2 else rendering.rgb.astype(int)
            weight = weight if view.ndim == 2 else weight[..., None]
            region = np.s_[record.y : record.y + height, record.x : record.x + width]
            expected = view.copy()
            expected[region] = (weight * logo + (255 - weight) * view[region] + 127) // 255
            assert np.abs(seen - expected).max() <= 1


def test_an_interrupted_run_ends_with_the_same_files(classifier, folder, marked, tmp_path, monkeypatch):
    def stop(self, rank, batch):
        raise OSError("the machine goes down")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "add", stop)
        with pytest.raises(OSError, match="goes down"):
            walk(classifier, folder, tmp_path)
    assert tree(walk(classifier, folder, tmp_path)) == tree(marked)


def test_a_candidate_counts_only_if_the_deep_file_is_misread_too(classifier, folder, tmp_path, monkeypatch):
    """A search that is told that no file is misread goes on to its end."""
    confirmed = []

    def refuse(self, ready, on_image, placement):
        confirmed.append(ready.item.id)
        host = ready.host
        return self.pool.score([host], type(placement).from_rows(placement.rows() * torch.tensor([1, 1, 0, 1])))[0]

    monkeypatch.setattr(AttackTask, "_confirm", refuse)
    walk(classifier, folder, tmp_path)
    queries = {row["image"]: int(row["queries"]) for row in read(tmp_path / "run" / "attack.csv")}
    assert confirmed
    assert not {PurePath(image).name for image in confirmed} & {"photo.jpg", "flat.tiff"}
    for image in set(confirmed):  # the image itself, all candidates, and each that was confirmed or not
        assert queries[image] == 1 + CANDIDATES + confirmed.count(image)


@pytest.mark.parametrize("delta", [False, True])
def test_a_working_size_and_a_delta_keep_the_depth(classifier, folder, tmp_path, delta):
    options = {"vaccine": VaccineOptions("noise")} if delta else {}
    run = walk(classifier, folder, tmp_path / "runs", size=32, **options)
    assert recover(run / "run.miadkey", run / "marked", tmp_path / "out") == len(MARKED)
    data = Folder(folder.parent, size=32).split("val")
    for index, id_ in enumerate(data.ids):
        item = data[index]
        name = next(own for own, original in MARKED.items() if original == PurePath(id_).name)
        back_path = files(tmp_path / "out")[name]
        back = read_stored(back_path)
        expected = item.image[0].numpy() if item.stored is None else item.stored.pixels
        assert np.array_equal(back.pixels, expected)
        assert back.pixels.shape[:2] == (32, 32)
        if item.stored is not None and item.stored.shell is not None:
            assert back_path.read_bytes() == item.stored.shell.fill(item.stored.pixels)
    with open_key(run / "run.miadkey") as key:
        # The flat image is near black, where nothing is added.
        assert any(bool(record.delta) for record in key.records.values()) == delta


def test_a_bad_file_stops_the_attack_with_one_line(classifier, folder, tmp_path):
    for name in CLASSES:
        (tmp_path / "set" / "val" / name).mkdir(parents=True)
    bad = tmp_path / "set" / "val" / CLASSES[0] / "bad.dcm"
    bad.write_bytes(original_of("1.dcm", folder).read_bytes()[:-300])
    with pytest.raises(InputError, match=r"\A.*bad\.dcm: expected 4608 bytes of pixels.*found 4446.*\Z"):
        walk(classifier, tmp_path / "set" / "val", tmp_path)
