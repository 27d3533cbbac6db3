"""EyePACS as Kaggle packs it. Patterns with .* allow one line only."""

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from miad.data import EyePACS
from miad.data.eyepacs import GRADE_COUNTS, ORIGIN, draw_per_class
from miad.errors import InputError
from tests.data import trees

pytestmark = pytest.mark.filterwarnings("ignore:EyePACS in .* labelled images")


@pytest.fixture
def grades(tmp_path):
    return trees.eyepacs(tmp_path)


def name(id_):
    return id_.removeprefix("train/").removesuffix(".jpeg")


def test_the_published_counts_add_up():
    assert sum(GRADE_COUNTS) == ORIGIN.images == 35126


def test_ids_have_the_grades_and_pixels_of_their_files(tmp_path, grades):
    sides = EyePACS(tmp_path, per_class=None, disc=None).splits()
    found = {name(id_): label for side in sides.values() for id_, label in zip(side.ids, side.labels, strict=True)}
    assert found == grades
    for index, id_ in enumerate(sides["val"].ids):
        np.testing.assert_array_equal(sides["val"].pixels(index), np.array(Image.open(tmp_path / id_)))


def test_both_eyes_of_a_patient_are_on_one_side(tmp_path, grades):
    for seed in range(5):
        sides = EyePACS(tmp_path, per_class=None, seed=seed).splits()
        train, val = ({id_.partition("_")[0] for id_ in sides[side].ids} for side in ("train", "val"))
        assert (len(train), len(val), len(train | val)) == (30, 10, 40)


@pytest.mark.parametrize("count", [1, 4])
def test_exactly_per_class_training_images_of_each_class_are_drawn_and_val_is_untouched(tmp_path, grades, count):
    whole, drawn = (EyePACS(tmp_path, per_class=per_class).splits() for per_class in (None, count))
    assert Counter(drawn["train"].labels) == dict.fromkeys(range(5), count)
    assert set(drawn["train"].ids) < set(whole["train"].ids)
    assert [grades[name(id_)] for id_ in drawn["train"].ids] == drawn["train"].labels
    assert (drawn["val"].ids, drawn["val"].labels) == (whole["val"].ids, whole["val"].labels)


def test_the_seed_decides_who_is_drawn(tmp_path, grades):
    data = EyePACS(tmp_path, per_class=None)
    first, again, other = (draw_per_class(data.files["train"], data.classes, 3, seed) for seed in (1, 1, 2))
    assert first == again != other


def test_referable_means_grade_2_or_more_and_per_class_counts_the_two(tmp_path, grades):
    data = EyePACS(tmp_path, referable=True, per_class=15)
    assert data.classes == ("not referable", "referable")
    assert Counter(data.split("train").labels) == {0: 15, 1: 15}
    for split in data.splits().values():
        assert split.labels == [int(grades[name(id_)] >= 2) for id_ in split.ids]


def test_too_few_images_of_a_class_are_refused_naming_the_way_out(tmp_path, grades):
    assert Counter(EyePACS(tmp_path, per_class=None).split("train").labels)[3] < 12
    words = r"\Aexpected 12 training images of class 1, found \d+; give a smaller data\.per_class, or null.*\Z"
    with pytest.raises(InputError, match=words):
        EyePACS(tmp_path, per_class=12)


def test_nothing_is_not_a_number_of_images(tmp_path, grades):
    with pytest.raises(InputError, match=r"\Aexpected per_class of at least 1, found 0\Z"):
        EyePACS(tmp_path, per_class=0)


def test_nothing_is_written_before_pixels_are_asked_for(tmp_path, grades):
    before = sorted(tmp_path.rglob("*"))
    train = EyePACS(tmp_path, per_class=2, disc=8).split("train")
    assert train.shape(0) == (8, 8)
    assert sorted(tmp_path.rglob("*")) == before
    assert train.pixels(0).shape == (8, 8, 3)
    assert (tmp_path / ".miad" / "8" / f"{train.ids[0]}.png").is_file()


def test_the_squares_can_be_kept_elsewhere(tmp_path):
    trees.eyepacs(tmp_path / "set")
    before = sorted((tmp_path / "set").rglob("*"))
    EyePACS(tmp_path / "set", per_class=2, disc=8, cache=tmp_path / "cache").split("train").pixels(0)
    assert sorted((tmp_path / "set").rglob("*")) == before
    assert len(list((tmp_path / "cache").rglob("*.png"))) == 1


def test_a_disc_of_nothing_is_refused_in_one_line(tmp_path, grades):
    with pytest.raises(InputError, match=r"\Aexpected disc of at least 1, found 0\Z"):
        EyePACS(tmp_path, disc=0)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("11_left,1", "11_left,5", "Labels.csv, line 4: expected a label from 0 to 4, found '5'"),
        ("11_left,1", "11_left,-1", "Labels.csv, line 4: expected a label from 0 to 4, found '-1'"),
        ("11_left,1", "11_left,0.5", "Labels.csv, line 4: expected a label from 0 to 4, found '0.5'"),
        ("11_left,1", "11_left,nan", "Labels.csv, line 4: expected a label from 0 to 4, found 'nan'"),
        ("11_left,1", "11_left,", "Labels.csv, line 4: expected a label from 0 to 4, found ''"),
        ("11_left,1", "11_left", "Labels.csv, line 4: expected a label from 0 to 4, found ''"),
        ("11_left,1", '11_left,"a\nb"', r"Labels.csv, line 5: expected a label from 0 to 4, found 'a\\nb'"),
        ("image,level", "image,grade", r"Labels\.csv: expected the columns image, level, found no level"),
        ("image,level", "10,0", r"Labels\.csv: expected the columns image, level, found no image"),
        ("11_left,1", "absent,1", r"EyePACS: no train/absent\.jpeg in .*"),
    ],
)
def test_a_mistake_in_the_table_is_named_in_one_line(tmp_path, grades, old, new, words):
    trees.edit(tmp_path / "trainLabels.csv", old, new)
    with pytest.raises(InputError, match=rf"\A.*{words}\Z"):
        EyePACS(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfei\x00m\x00", "image,level\né,1".encode("latin-1"), b'image,level\n"' + bytes(2**18)]
)
def test_what_is_no_csv_table_is_refused_in_one_line(tmp_path, grades, content):
    (tmp_path / "trainLabels.csv").write_bytes(content)
    with pytest.raises(InputError, match=r"\A.*trainLabels\.csv: expected .*columns image, level.*\Z"):
        EyePACS(tmp_path)


def test_byte_order_marks_blanks_and_blank_lines_do_not_matter(tmp_path, grades):
    path = tmp_path / "trainLabels.csv"
    expected = EyePACS(tmp_path, per_class=2).split("train").ids
    trees.edit(path, "11_left,1", " 11_left , 1")
    trees.edit(path, "image,level", "image, level ")
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes() + b"\r\n,\r\n")
    assert EyePACS(tmp_path, per_class=2).split("train").ids == expected
