"""Masks by kind of lesion: what each data set tells apart, and what a blank means."""

import numpy as np
import pytest

from miad.data import IDRiDLesions, Phantom, Table
from miad.data.disc import DiscDataset
from miad.data.files import FileDataset, ImageFile
from miad.data.sample import SampledDataset
from miad.errors import InputError
from miad.imaging import write_png
from tests.data import trees

KINDS = {"soft exudates": "mask_se", "haemorrhages": "mask_he"}


def pixels_by_kind(dataset, index):
    """Kind to its lesion pixels (y, x); None without masks."""
    masks = dataset.kind_masks(index)
    if masks is None:
        return None
    assert masks.dtype == bool
    assert len(masks) == len(dataset.kinds)
    return {kind: np.argwhere(mask).tolist() for kind, mask in zip(dataset.kinds, masks, strict=True)}


@pytest.fixture
def table(tmp_path):
    """A function that makes a table of three photographs: both kinds drawn, one kind, none."""
    for name in "abc":
        write_png(tmp_path / f"{name}.png", np.full((8, 10, 3), 99, np.uint8))
    for name, place in {"se": (2, 3), "he": (5, 6), "all": (1, 1)}.items():
        mask = np.zeros((8, 10), np.uint8)
        mask[place] = 255
        write_png(tmp_path / f"{name}.png", mask)
    rows = ["image,label,split,mask,mask_se,mask_he", "a.png,x,val,all.png,se.png,he.png", "b.png,x,val,,,he.png"]
    (tmp_path / "labels.csv").write_text("\n".join([*rows, "c.png,x,val,,,"]) + "\n")
    return lambda **options: Table(tmp_path / "labels.csv", **options)


def test_a_blank_cell_beside_a_mask_means_no_such_lesion_and_a_blank_row_no_masks(table):
    data = table(kinds=KINDS)
    dataset = data.split("val")
    assert data.kinds == dataset.kinds == tuple(KINDS)
    assert pixels_by_kind(dataset, 0) == {"soft exudates": [[2, 3]], "haemorrhages": [[5, 6]]}
    assert pixels_by_kind(dataset, 1) == {"soft exudates": [], "haemorrhages": [[5, 6]]}
    assert pixels_by_kind(dataset, 2) is None
    assert [dataset.has_mask(index) for index in range(3)] == [True, True, False]


def test_the_lesion_mask_is_the_union_of_the_kinds(table):
    dataset = table(kinds=KINDS).split("val")
    assert np.argwhere(dataset.lesion_mask(0)).tolist() == [[2, 3], [5, 6]]
    assert dataset.lesion_mask(2) is None


def test_without_kinds_there_is_one_in_the_column_mask(table):
    data = table()
    assert data.kinds == ("lesion",)
    assert [pixels_by_kind(data.split("val"), index) for index in range(3)] == [{"lesion": [[1, 1]]}, None, None]


def test_a_column_that_is_not_there_is_named_with_those_that_are(table):
    words = (
        "expected a column mask_ma with the masks of microaneurysms, found image, label, split, mask, mask_se, mask_he"
    )
    with pytest.raises(InputError, match=rf"\A.*labels\.csv: {words}\Z"):
        table(kinds=KINDS | {"microaneurysms": "mask_ma"})


def test_a_missing_mask_of_any_kind_is_found_before_the_work(table, tmp_path):
    (tmp_path / "he.png").unlink()
    with pytest.raises(InputError, match=r"\A.*labels\.csv, line 2: .*he\.png: no such file; .*\Z"):
        table(kinds=KINDS)


def test_a_mask_of_another_size_is_found_by_the_check(table, tmp_path):
    write_png(tmp_path / "he.png", np.zeros((4, 4), np.uint8))
    with pytest.raises(InputError, match=r"\A.*he\.png: expected a mask of 10x8 .*, found 4x4\Z"):
        table(kinds=KINDS).split("val").check()


def test_a_sample_has_the_kinds_of_the_whole(table):
    sample = SampledDataset(table(kinds=KINDS).split("val"), [2, 0])
    assert pixels_by_kind(sample, 0) is None
    assert pixels_by_kind(sample, 1) == {"soft exudates": [[2, 3]], "haemorrhages": [[5, 6]]}
    assert [sample.has_mask(index) for index in range(2)] == [False, True]


@pytest.mark.filterwarnings("ignore:IDRiD .* labelled images")
@pytest.mark.parametrize("disc", [None, 16])
def test_idrid_has_four_kinds_and_a_missing_file_means_no_such_lesion(tmp_path, disc):
    drawn = trees.idrid_lesions(tmp_path)["test"]
    data = IDRiDLesions(tmp_path, disc=disc)
    dataset = data.split("test")
    assert data.kinds == dataset.kinds == ("microaneurysms", "haemorrhages", "hard exudates", "soft exudates")
    for index, id_ in enumerate(dataset.ids):
        found = pixels_by_kind(dataset, index)
        assert [bool(pixels) for pixels in found.values()] == [
            code in drawn[id_[-12:-4]] for code in ("MA", "HE", "EX", "SE")
        ]
        if disc is None:
            assert found["haemorrhages"] == [list(drawn[id_[-12:-4]]["HE"])]


@pytest.mark.filterwarnings("ignore:IDRiD .* labelled images")
@pytest.mark.parametrize("disc", [None, 16])
def test_a_photograph_without_the_lesions_asked_for_has_an_empty_mask(tmp_path, disc):
    drawn = trees.idrid_lesions(tmp_path)["test"]
    dataset = IDRiDLesions(tmp_path, ["se"], disc=disc).split("test")
    assert dataset.kinds == ("soft exudates",)
    for index, id_ in enumerate(dataset.ids):
        mask = dataset.lesion_mask(index)
        assert mask.shape == dataset.pixels(index).shape[:2]
        assert mask.any() == ("SE" in drawn[id_[-12:-4]])


def test_masks_without_a_kind_are_of_the_first(tmp_path):
    write_png(tmp_path / "a.png", np.full((4, 4), 99, np.uint8))
    for name, place in (("one", (0, 1)), ("two", (2, 3))):
        mask = np.zeros((4, 4), np.uint8)
        mask[place] = 1
        write_png(tmp_path / f"{name}.png", mask)
    file = ImageFile("a", tmp_path / "a.png", 0, masks=(tmp_path / "one.png", tmp_path / "two.png"))
    for dataset in (
        FileDataset([file], kinds=("x", "y")),
        DiscDataset([file], None, tmp_path, 4, tmp_path / "c", ("x", "y")),
    ):
        assert pixels_by_kind(dataset, 0) == {"x": [[0, 1], [2, 3]], "y": []}


def test_drawn_images_have_one_kind():
    data = Phantom("brain", 32, train=0, val=2, test=0)
    dataset = data.split("val")
    assert data.kinds == dataset.kinds == ("lesion",)
    assert np.array_equal(dataset.kind_masks(1), dataset.lesion_mask(1)[None])
    assert dataset.has_mask(1)
