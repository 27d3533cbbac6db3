"""IDRiD's grading and segmentation parts as their publisher packs them. Patterns with .* allow one line only."""

import shutil

import numpy as np
import pytest
from PIL import Image

from miad.data import IDRiD, IDRiDLesions
from miad.data.idrid import GRADE_COUNTS, GRADING
from miad.errors import InputError
from tests.data import trees

pytestmark = pytest.mark.filterwarnings("ignore:IDRiD .* labelled images")

PHOTOGRAPHS = "B. Disease Grading/1. Original Images"
DRAWN = "A. Segmentation/1. Original Images"
TRUTHS = "A. Segmentation/2. All Segmentation Groundtruths"


@pytest.fixture
def grades(tmp_path):
    return trees.idrid(tmp_path)


@pytest.fixture
def lesions(tmp_path):
    return trees.idrid_lesions(tmp_path)


def lesion_pixels(root, name, *options, **loading):
    """The lesion pixels of a photograph of the test set."""
    split = IDRiDLesions(root, *options, disc=None, **loading).split("test")
    return np.argwhere(split.lesion_mask(split.ids.index(f"{DRAWN}/b. Testing Set/{name}.jpg"))).tolist()


def graded(split):
    return dict(zip(split.ids, split.labels, strict=True))


def test_the_published_counts_add_up():
    assert {name: sum(counts) for name, counts in GRADE_COUNTS.items()} == {"train": 413, "test": 103}
    assert GRADING.images == 413 + 103


def test_the_official_test_images_are_the_split_test(tmp_path, grades):
    for seed in range(3):
        sides = IDRiD(tmp_path, seed=seed).splits()
        train, test = f"{PHOTOGRAPHS}/a. Training Set", f"{PHOTOGRAPHS}/b. Testing Set"
        assert sides["test"].ids == [f"{test}/{name}.jpg" for name in grades["test"]]
        assert sides["test"].labels == list(grades["test"].values())
        found = dict(
            zip(sides["train"].ids + sides["val"].ids, sides["train"].labels + sides["val"].labels, strict=True)
        )
        assert found == {f"{train}/{name}.jpg": grade for name, grade in grades["train"].items()}
        assert (len(sides["train"]), len(sides["val"])) == (15, 5)


def test_training_and_test_photographs_of_one_name_are_not_mixed_up(tmp_path, grades):
    for side in IDRiD(tmp_path, disc=8).splits().values():
        for index, id_ in enumerate(side.ids):
            number = int(id_[-7:-4]) - 1 + 50 * ("Testing" in id_)
            np.testing.assert_allclose(side.pixels(index)[4, 4], trees.colour(number), atol=2)  # JPEG


def test_classes_are_the_grades_or_referable(tmp_path, grades):
    assert IDRiD(tmp_path).classes == ("0", "1", "2", "3", "4")
    data = IDRiD(tmp_path, referable=True)
    assert data.classes == ("not referable", "referable")
    assert data.split("test").labels == [int(grade >= 2) for grade in grades["test"].values()]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("IDRiD_003,4,", "IDRiD_003,5,", r"Training Labels\.csv, line 4: expected a label from 0 to 4, found '5'"),
        ("IDRiD_003,4,", "IDRiD_003,,", r"Training Labels\.csv, line 4: expected a label from 0 to 4, found ''"),
        ("IDRiD_003,4,", "IDRiD_099,4,", r"IDRiD grading: no .*/a\. Training Set/IDRiD_099\.jpg in .*"),
        ("Image name,", "Image,", r"Labels\.csv: expected the columns Image name, Ret.*, found no Image name"),
        ("Retinopathy grade,", "Grade,", r"Labels\.csv: expected the columns .*, found no Retinopathy grade"),
    ],
)
def test_a_mistake_in_a_table_is_named_in_one_line(tmp_path, grades, old, new, words):
    trees.edit(tmp_path / trees.IDRID_LABELS["train"], old, new)
    with pytest.raises(InputError, match=rf"\A.*{words}\Z"):
        IDRiD(tmp_path)


def test_rows_of_nothing_but_commas_do_not_matter(tmp_path, grades):
    path = tmp_path / trees.IDRID_LABELS["test"]
    path.write_text(path.read_text() + ",,\n\n,,\n")
    assert len(IDRiD(tmp_path).split("test")) == 7


def test_a_missing_test_table_is_named_in_one_line(tmp_path, grades):
    (tmp_path / trees.IDRID_LABELS["test"]).unlink()
    with pytest.raises(InputError, match=r"\AIDRiD grading: no .*Testing Labels\.csv in .*; expected there: .*\Z"):
        IDRiD(tmp_path)


def test_photographs_with_lesions_are_all_of_one_class(tmp_path, lesions):
    data = IDRiDLesions(tmp_path)
    assert data.classes == ("retinopathy",)
    assert {name: len(side) for name, side in data.splits().items()} == {"train": 6, "val": 2, "test": 3}
    assert data.split("test").ids == [f"{DRAWN}/b. Testing Set/{name}.jpg" for name in lesions["test"]]
    ids = data.split("train").ids + data.split("val").ids
    assert sorted(ids) == [f"{DRAWN}/a. Training Set/{name}.jpg" for name in lesions["train"]]


@pytest.mark.parametrize("name", ["IDRiD_01", "IDRiD_02", "IDRiD_03"])
def test_the_mask_is_the_union_of_the_four_lesions_that_have_a_file(tmp_path, lesions, name):
    drawn = lesions["test"][name]
    assert ("SE" in drawn) is (name == "IDRiD_01")
    assert lesion_pixels(tmp_path, name) == [list(place) for kind, place in drawn.items() if kind != "OD"]


@pytest.mark.parametrize("kind", ["ma", "he", "ex", "se", "od"])
def test_one_kind_can_be_asked_for(tmp_path, lesions, kind):
    assert lesion_pixels(tmp_path, "IDRiD_01", [kind]) == [list(lesions["test"]["IDRiD_01"][kind.upper()])]


def test_masks_are_stored_in_the_three_ways_that_occur(tmp_path, lesions):
    paths = (tmp_path / TRUTHS / "b. Testing Set" / "1. Microaneurysms").iterdir()
    assert {Image.open(path).mode for path in paths} == {"P", "RGBA", "L"}


def test_masks_are_cut_with_their_photographs(tmp_path, lesions):
    data = IDRiDLesions(tmp_path, ["ma"], disc=10)  # the disc begins at row 1 and column 2
    for split, index in ((side, index) for side in data.splits().values() for index in range(len(side))):
        y, x = lesions["test" if "Testing" in split.ids[index] else "train"][split.ids[index][-12:-4]]["MA"]
        assert np.argwhere(split.lesion_mask(index)).tolist() == [[y - 1, x - 2]]


def test_what_systems_leave_beside_the_photographs_is_no_photograph(tmp_path, lesions):
    (tmp_path / DRAWN / "b. Testing Set" / "._IDRiD_01.jpg").write_bytes(b"Mac OS X")
    assert len(IDRiDLesions(tmp_path).split("test")) == 3


@pytest.mark.parametrize("folder", [TRUTHS, f"{TRUTHS}/b. Testing Set/2. Haemorrhages", f"{DRAWN}/a. Training Set"])
def test_a_missing_folder_is_named_rather_than_taken_for_no_lesions(tmp_path, lesions, folder):
    shutil.rmtree(tmp_path / folder)
    with pytest.raises(InputError, match=rf"\AIDRiD segmentation: no {folder}.* in .*; expected there: .*\Z"):
        IDRiDLesions(tmp_path)


def test_a_mask_of_another_size_is_refused_in_one_line(tmp_path, lesions):
    path = tmp_path / TRUTHS / "b. Testing Set" / "3. Hard Exudates" / "IDRiD_02_EX.tif"
    Image.new("L", (12, 16)).save(path)
    for disc in (None, 8):
        with pytest.raises(InputError, match=r"\A.*02_EX\.tif: expected a mask of 16x12 as .*02\.jpg, found 12x16\Z"):
            IDRiDLesions(tmp_path, disc=disc).split("test").check()
