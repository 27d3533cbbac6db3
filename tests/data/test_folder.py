"""Images in class folders. Patterns with .* allow one line only."""

import numpy as np
import pytest

from miad.data import Folder
from miad.errors import InputError
from miad.imaging import write_png


@pytest.fixture
def fill(tmp_path):
    """A function that writes images of 6 x 8 pixels, each of its own grey level, and gives their root."""

    def fill(*names):
        for level, name in enumerate(names):
            write_png(tmp_path / "set" / name, np.full((6, 8), level, np.uint8))
        return tmp_path / "set"

    return fill


@pytest.fixture
def sixteen(fill):
    """Eight images of each of two classes, without split folders."""
    return fill(*(f"{name}/{number}.png" for name in ("wet", "dry") for number in range(8)))


SPLIT = ("train/wet/a.png", "train/dry/a.png", "val/wet/b.png", "test/dry/a.png")


def content(data):
    return {name: dict(zip(split.ids, split.labels, strict=True)) for name, split in data.splits().items()}


def test_split_folders_are_the_splits_and_class_folders_the_classes(fill):
    data = Folder(fill(*SPLIT))
    assert data.classes == ("dry", "wet")
    assert content(data) == {
        "train": {"train/dry/a.png": 0, "train/wet/a.png": 1},
        "val": {"val/wet/b.png": 1},
        "test": {"test/dry/a.png": 0},
    }
    np.testing.assert_array_equal(data.split("val").pixels(0), np.full((6, 8), 2))
    assert data.split("val").lesion_mask(0) is None


def test_without_split_folders_a_quarter_of_each_class_validates(sixteen):
    sides = content(Folder(sixteen))
    assert sorted(sides["val"].values()) == [0, 0, 1, 1]
    both = sides["train"] | sides["val"]
    assert both == {f"{name}/{number}.png": label for label, name in enumerate(("dry", "wet")) for number in range(8)}


def test_the_seed_decides_the_split(sixteen):
    first, again, *others = (Folder(sixteen, seed=seed).split("val").ids for seed in (1, 1, 2, 3))
    assert first == again
    assert any(ids != first for ids in others)


def test_given_classes_fix_the_order_of_the_logits(fill):
    data = Folder(fill(*SPLIT), classes=["wet", "damp", "dry"])
    assert data.classes == ("wet", "damp", "dry")
    assert content(data)["train"] == {"train/wet/a.png": 0, "train/dry/a.png": 2}


def test_a_class_of_the_test_images_alone_is_a_class(fill):
    assert Folder(fill(*SPLIT, "test/snow/a.png")).classes == ("dry", "snow", "wet")


def test_images_are_found_deeper_in_any_case_and_nothing_else_is(fill):
    root = fill("train/x/deep/er/a.png", "train/x/B.PNG", "train/x/._c.png", "train/x/.ipynb_checkpoints/d.png")
    (root / "train" / "x" / "notes.txt").write_text("no image")
    (root / "train" / "x" / "folder.png").mkdir()
    (root / "train" / ".cache").mkdir()
    (root / "train" / "notes.csv").write_text("no class")
    data = Folder(root)
    assert data.classes == ("x",)
    assert data.split("train").ids == ["train/x/B.PNG", "train/x/deep/er/a.png"]


def test_a_text_that_is_named_as_an_image_is_found_before_the_work(fill):
    root = fill(*SPLIT)
    (root / "val" / "wet" / "b.png").write_text("image,label\n")
    with pytest.raises(InputError, match=r"\A.*val/wet/b\.png: not an image file.*\Z"):
        Folder(root).split("val").check()


@pytest.mark.parametrize(
    ("names", "options", "words"),
    [
        (SPLIT, {"classes": ["wet", "damp"]}, "set: expected the classes wet, damp, found a folder 'dry'"),
        (["a.png", "b.png"], {}, "set: expected one folder a class, found none; sort the images into folders"),
        (["train/a.png"], {}, "set: expected one folder a class, found none; sort the images into folders"),
        (["x/a.png", "y/a.png", "y/b.png"], {}, "set: expected at least 4 patients .*; or sort them into train, val.*"),
    ],
)
def test_a_folder_that_can_not_be_used_is_named_in_one_line(fill, names, options, words):
    root = fill(*names)
    with pytest.raises(InputError, match=rf"\A.*{words}\Z"):
        Folder(root, **options)


def test_an_absent_folder_is_named_in_one_line(tmp_path):
    with pytest.raises(InputError, match=r"\A.*absent: no such folder; expected one folder a class in it\Z"):
        Folder(tmp_path / "absent")
