"""A CSV table as documented, and every mistake in one; patterns with .* allow one line only."""

import numpy as np
import pytest
import torch

from miad.data import Table
from miad.errors import InputError
from miad.imaging import read_image, write_png

NAMES = "abcdefghijklmnop"


@pytest.fixture
def folder(tmp_path):
    """Sixteen images of 8 x 10 pixels and one of 6 x 6, each of a grey level of its own."""
    for level, name in enumerate(NAMES):
        write_png(tmp_path / "scans" / f"{name}.png", np.full((8, 10), level, np.uint8))
    write_png(tmp_path / "scans" / "small.png", np.full((6, 6), 200, np.uint8))
    return tmp_path / "scans"


@pytest.fixture
def write_csv(folder):
    """A function that writes the lines of a table beside the images, and gives its path."""

    def write(*lines, encoding="utf-8"):
        path = folder / "list.csv"
        path.write_bytes("\r\n".join([*lines, ""]).encode(encoding))
        return path

    return write


@pytest.fixture
def sixteen(write_csv):
    """Eight images of x and eight of y, two a patient, without a split."""
    rows = (f"{name}.png,{'x' if index < 8 else 'y'},{index // 2}" for index, name in enumerate(NAMES))
    return write_csv("image,label,patient", *rows)


def ids(table):
    return {name: dataset.ids for name, dataset in table.splits().items()}


def test_rows_name_images_labels_and_splits(write_csv):
    table = Table(write_csv("image,label,split", "b.png,y,train", "a.png,x,train", "c.png,y,val", "d.png,x,test"))
    assert ids(table) == {"train": ["b.png", "a.png"], "val": ["c.png"], "test": ["d.png"]}
    assert table.classes == ("x", "y")
    assert table.split("train").labels == [1, 0]
    np.testing.assert_array_equal(table.split("test").pixels(0), np.full((8, 10), NAMES.index("d")))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_byte_order_marks_spaces_blank_lines_and_other_columns_do_not_matter(write_csv, encoding):
    csv = write_csv("image,site,split,label", " a.png ,1, train,x ", "", "b.png,2,val , y", encoding=encoding)
    assert ids(Table(csv)) == {"train": ["a.png"], "val": ["b.png"]}
    assert Table(csv).classes == ("x", "y")


def test_paths_are_relative_to_the_table_or_absolute(write_csv, folder, monkeypatch):
    monkeypatch.chdir(folder.parent.parent)
    table = Table(write_csv("image,label,split", f"../scans/a.png,x,val,{folder}", f"{folder / 'b.png'},x,val"))
    assert [int(table.split("val").pixels(index)[0, 0]) for index in range(2)] == [0, 1]


def test_grades_sort_as_numbers_and_before_words(write_csv):
    rows = (f"{name}.png,{label},val" for name, label in zip(NAMES, ["10", "2", "none", "0", "1"], strict=False))
    assert Table(write_csv("image,label,split", *rows)).classes == ("0", "1", "2", "10", "none")


def test_given_classes_fix_the_order_of_the_logits(write_csv):
    csv = write_csv("image,label,split", "a.png,x,val", "b.png,y,val")
    table = Table(csv, classes=["y", "other", "x"])
    assert table.classes == ("y", "other", "x")
    assert table.split("val").labels == [2, 0]


def test_a_label_outside_the_given_classes_is_named_in_one_line(write_csv):
    csv = write_csv("image,label,split", "a.png,x,val", "b.png,y,val")
    with pytest.raises(InputError, match=r"\A.*list\.csv: expected the labels x, z, found 'y'\Z"):
        Table(csv, classes=["x", "z"])


def test_several_labels_can_make_one_class(write_csv):
    rows = (f"{name}.png,{label},val" for name, label in zip(NAMES, [2, 0, 1, 3, 0], strict=False))
    table = Table(write_csv("image,label,split", *rows), classes={"sick": ["2", "3"], "well": ["0", "1"]})
    assert table.classes == ("sick", "well")
    assert table.split("val").labels == [0, 1, 1, 0, 1]


def test_labels_of_a_class_may_be_numbers_as_yaml_reads_them(write_csv):
    csv = write_csv("image,label,split", "a.png,0,val", "b.png,2,val")
    table = Table(csv, classes={"well": [0, 1], "sick": [2, 3]})
    assert (table.classes, table.split("val").labels) == (("well", "sick"), [0, 1])


def test_several_labels_of_one_class_are_split_as_one(write_csv):
    rows = (f"{name}.png,{'vwxy'[index % 4]}" for index, name in enumerate(NAMES))
    table = Table(write_csv("image,label", *rows), classes={"first": ["v", "w", "x"], "last": ["y"]})
    assert [sorted(split.labels) for split in table.splits().values()] == [[0] * 9 + [1] * 3, [0] * 3 + [1]]


@pytest.mark.parametrize(
    ("classes", "words"),
    [
        ({"one": ["x"], "two": ["z"]}, r".*list\.csv: expected the labels x, z, found 'y'"),
        ({"one": ["x", "y"], "two": ["y"]}, "expected every label in one class, .*found {'one'.*}"),
        ({"one": ["x", "x", "y"]}, "expected every label in one class, .*found {'one'.*}"),
        ({"one": ["x", "y"], "two": []}, "expected .* a label in every class, found {'one'.*}"),
    ],
)
def test_classes_that_do_not_fit_the_labels_are_refused_in_one_line(write_csv, classes, words):
    csv = write_csv("image,label,split", "a.png,x,val", "b.png,y,val")
    with pytest.raises(InputError, match=rf"\A{words}\Z"):
        Table(csv, classes=classes)


def test_rows_without_a_label_can_be_given_one(write_csv):
    rows = (f"{name}.png,{'x' if index < 8 else ''}" for index, name in enumerate(NAMES))
    table = Table(write_csv("image,label", *rows), unlabelled="?")
    assert table.classes == ("?", "x")
    labels = [label for dataset in table.splits().values() for label in dataset.labels]
    assert sorted(labels) == [0] * 8 + [1] * 8


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("image,grade", "a.png,x"), ": expected the columns.* found no label in 'image,grade'"),
        (("image;label", "a.png;x"), ": expected the columns.* found no image and no label in 'image;label'"),
        (("a.png,x", "b.png,y"), ": expected the columns.* found no image and no label"),
        ((), ": expected the columns.* found no image and no label"),
        (("image,label",), ": expected at least one row, found none"),
        (("image,label", "a.png,x", "absent.png,x"), r", line 3: .*absent\.png: no such file"),
        (("image,label", "a.png,x", "b.png,"), ", line 3: the label is empty"),
        (("image,label", "a.png,x", "b.png"), ", line 3: the label is empty"),
        (("image,label", "a.png,x", ",x"), ", line 3: the image is empty"),
        (("image,label", "a.png,x", ".,x"), ", line 3: .*scans: no such file"),
        (("image,label,split", "a.png,x,train", "b.png,x,Train"), ", line 3: expected split .* found 'Train'"),
        (("image,label,split", "a.png,x,train", "b.png,x,"), r".*b\.png.*the split is empty"),
        (("image,label,mask", "a.png,x,", "b.png,x,absent.png"), r", line 3: .*absent\.png: no such file"),
        (("image,label", "a.png,x", "b.png,x", "a.png,y"), r": a\.png is listed twice"),
        (("image,label", "a.png,x", "b.png,x", "./a.png,y"), r".*a\.png is listed twice"),
    ],
)
def test_a_mistake_in_the_table_is_named_in_one_line(write_csv, lines, words):
    csv = write_csv(*lines)
    with pytest.raises(InputError, match=rf"\A.*list\.csv{words}.*\Z"):
        Table(csv)


def test_an_absent_table_is_named_in_one_line(tmp_path):
    with pytest.raises(InputError, match=r"\A.*absent\.csv: no such table.*\Z"):
        Table(tmp_path / "absent.csv")


def test_a_table_in_another_encoding_is_refused_in_one_line(write_csv):
    csv = write_csv("image,label", "a.png,Käfer", encoding="latin-1")
    with pytest.raises(InputError, match=r"\A.*list\.csv: expected a CSV table.*\Z"):
        Table(csv)


def test_too_few_patients_to_split_are_refused_naming_the_table(write_csv):
    csv = write_csv("image,label", "a.png,x", "b.png,y", "c.png,x")
    with pytest.raises(InputError, match=r"\A.*list\.csv.*at least 4 patients.*found 3.*split.*\Z"):
        Table(csv)


def test_without_a_split_column_a_quarter_of_each_class_validates(sixteen):
    sides = Table(sixteen).splits()
    assert sorted(sides["val"].labels) == [0, 0, 1, 1]
    assert sorted(sides["train"].ids + sides["val"].ids) == [f"{name}.png" for name in NAMES]


def test_no_patient_is_on_both_sides(sixteen):
    for seed in range(5):
        sides = ids(Table(sixteen, seed=seed))
        patients = [{NAMES.index(id_[0]) // 2 for id_ in sides[side]} for side in ("train", "val")]
        assert not set.intersection(*patients)


def test_the_split_depends_on_the_seed_and_on_nothing_else(sixteen):
    first = ids(Table(sixteen, seed=1))
    np.random.seed(99)  # noqa: NPY002  (the generator that scikit-learn falls back to)
    assert ids(Table(sixteen, seed=1)) == first
    assert any(ids(Table(sixteen, seed=seed)) != first for seed in range(2, 8))


def test_every_pixel_of_a_mask_that_is_not_black_is_lesion(write_csv, folder):
    mask = np.zeros((8, 10, 3), np.uint8)
    mask[2, 3] = (0, 0, 1)
    mask[5, 6] = 255
    write_png(folder / "mask.png", mask)
    dataset = Table(write_csv("image,label,mask,split", "a.png,x,mask.png,val", "b.png,x,,val")).split("val")
    assert np.argwhere(dataset.lesion_mask(0)).tolist() == [[2, 3], [5, 6]]
    assert dataset.lesion_mask(1) is None


def test_a_mask_takes_the_working_size_with_its_image(write_csv, folder):
    mask = np.zeros((8, 10), np.uint8)
    mask[7, 9] = 255
    write_png(folder / "mask.png", mask)
    item = Table(write_csv("image,label,mask,split", "a.png,x,mask.png,val"), size=4).split("val")[0]
    assert item.image.shape == (3, 4, 4)
    assert item.lesion.nonzero().tolist() == [[3, 3]]


def test_a_mask_of_another_size_is_found_before_the_work(write_csv):
    dataset = Table(write_csv("image,label,mask,split", "a.png,x,small.png,val")).split("val")
    with pytest.raises(InputError, match=r"\A.*small\.png: expected a mask of 10x8 .*a\.png, found 6x6\Z"):
        dataset.check()


def test_a_damaged_image_is_found_before_the_work(write_csv, folder):
    (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:40])
    dataset = Table(write_csv("image,label,split", "a.png,x,val", "b.png,x,val")).split("val")
    with pytest.raises(InputError, match=r"\A.*b\.png: .*\Z"):
        dataset.check()


@pytest.mark.parametrize("size", [None, 5])
def test_the_announced_shape_is_the_items(write_csv, size):
    dataset = Table(write_csv("image,label,split", "a.png,x,val", "small.png,x,val"), size=size).split("val")
    assert [dataset.shape(index) for index in range(2)] == [tuple(dataset[index].image.shape[1:]) for index in range(2)]
    assert dataset.shape(0) == ((8, 10) if size is None else (5, 5))


def test_items_hold_the_stored_pixels(write_csv, folder):
    colour = np.random.default_rng(0).integers(0, 256, (8, 10, 3), dtype=np.uint8)
    write_png(folder / "colour.png", colour)
    dataset = Table(write_csv("image,label,split", "colour.png,x,val", "c.png,y,val")).split("val")
    assert torch.equal(dataset[0].image, torch.from_numpy(colour).permute(2, 0, 1))
    assert torch.equal(dataset[1].image, torch.from_numpy(read_image(folder / "c.png")).expand(3, 8, 10))
    assert [(item.id, item.label, item.grey) for item in dataset] == [("colour.png", 0, False), ("c.png", 1, True)]
