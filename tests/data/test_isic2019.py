"""ISIC 2019 as its publisher packs it. Patterns with .* allow one line only."""

import numpy as np
import pytest
from PIL import Image

from miad.data import ISIC2019
from miad.data.isic2019 import CLASS_COUNTS, ORIGIN
from miad.errors import InputError
from tests.data import trees

pytestmark = pytest.mark.filterwarnings("ignore:ISIC 2019 in .* labelled images")


@pytest.fixture
def truth(tmp_path):
    """Diagnosis and lesion of every name."""
    return trees.isic2019(tmp_path)


def name(id_):
    return id_.removeprefix("ISIC_2019_Training_Input/").removesuffix(".jpg")


def test_the_published_counts_add_up():
    assert sum(CLASS_COUNTS.values()) == ORIGIN.images == 25331


def test_ids_have_the_diagnoses_and_pixels_of_their_files(tmp_path, truth):
    data = ISIC2019(tmp_path)
    assert data.classes == trees.ISIC_CLASSES
    sides = data.splits().values()
    found = {name(id_): label for side in sides for id_, label in zip(side.ids, side.labels, strict=True)}
    assert found == {name: trees.ISIC_CLASSES.index(diagnosis) for name, (diagnosis, _) in truth.items()}
    for index, id_ in enumerate(data.split("val").ids):
        np.testing.assert_array_equal(data.split("val").pixels(index), np.array(Image.open(tmp_path / id_)))


def test_photographs_of_one_lesion_are_on_one_side(tmp_path, truth):
    for seed in range(5):
        sides = ISIC2019(tmp_path, seed=seed).splits()
        train, val = ({truth[name(id_)][1] for id_ in sides[side].ids} - {""} for side in ("train", "val"))
        assert not train & val
        assert len(train | val) == 16
        assert len(sides["train"]) + len(sides["val"]) == 48


def test_photographs_without_a_lesion_are_not_taken_for_one_lesion(tmp_path, truth):
    sides = [ISIC2019(tmp_path, seed=seed).splits() for seed in range(3)]
    assert any({""} < {truth[name(id_)][1] for id_ in side["val"].ids} for side in sides)
    assert all("" in {truth[name(id_)][1] for id_ in side["train"].ids} for side in sides)


def test_the_metadata_are_joined_by_name_and_not_by_order(tmp_path, truth):
    expected = ISIC2019(tmp_path).split("val").ids
    header, *rows = (tmp_path / trees.ISIC_METADATA).read_text().splitlines()
    (tmp_path / trees.ISIC_METADATA).write_text("\n".join([header, *rows[::-1]]))
    assert ISIC2019(tmp_path).split("val").ids == expected


ROW = "ISIC_0000001,0.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0"


def zeros(count=9):
    return "ISIC_0000001" + ",0.0" * count


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (zeros(), "expected one diagnosis of MEL, .*, SCC, found none; mend the row"),
        (zeros(8) + ",1.0", "expected one diagnosis of MEL, .*, SCC, found UNK; mend the row"),
        (ROW.replace(",0.0,1.0", ",1.0,1.0"), "expected one diagnosis of .*, found MEL and NV; mend the row"),
        (ROW[:-3] + "1.0", "expected one diagnosis of .*, found NV and UNK; mend the row"),
        (ROW.replace("1.0", "0.5"), "expected 0 or 1 in the columns of the diagnoses, found '0.5'"),
        (ROW.replace("1.0", "yes"), "expected 0 or 1 in the columns of the diagnoses, found 'yes'"),
        (ROW.replace("1.0", ""), "expected 0 or 1 in the columns of the diagnoses, found ''"),
        (ROW[:-8], "expected 0 or 1 in the columns of the diagnoses, found ''"),
    ],
)
def test_a_row_without_exactly_one_diagnosis_is_named_in_one_line(tmp_path, truth, new, words):
    trees.edit(tmp_path / trees.ISIC_TRUTH, ROW, new)
    with pytest.raises(InputError, match=rf"\A.*GroundTruth\.csv, line 3: {words}\Z"):
        ISIC2019(tmp_path)


def test_the_column_of_the_unknown_may_be_absent(tmp_path, truth):
    path = tmp_path / trees.ISIC_TRUTH
    path.write_text("\n".join(line.rpartition(",")[0] for line in path.read_text().splitlines()))
    assert len(ISIC2019(tmp_path).split("train")) > 30


@pytest.mark.parametrize(
    ("table", "old", "new", "words"),
    [
        (trees.ISIC_TRUTH, "image,MEL", "name,MEL", "GroundTruth.csv: expected the columns .*, found no image"),
        (trees.ISIC_TRUTH, ",VASC,", ",VAS,", "GroundTruth.csv: expected the columns .*, found no VASC"),
        (trees.ISIC_TRUTH, "ISIC_0000001", "ISIC_9", "ISIC 2019: no ISIC_2019_Training_Input/ISIC_9.jpg in .*"),
        (trees.ISIC_METADATA, "lesion_id", "lesion", "Metadata.csv: expected the columns .*, found no lesion_id"),
        (trees.ISIC_METADATA, "image,", ",", "Metadata.csv: expected the columns .*, found no image"),
    ],
)
def test_a_mistake_in_a_table_is_named_in_one_line(tmp_path, truth, table, old, new, words):
    trees.edit(tmp_path / table, old, new)
    with pytest.raises(InputError, match=rf"\A.*{words}\Z"):
        ISIC2019(tmp_path)


def test_missing_metadata_are_named_rather_than_taken_for_no_lesions(tmp_path, truth):
    (tmp_path / trees.ISIC_METADATA).unlink()
    with pytest.raises(InputError, match=r"\AISIC 2019: no ISIC_2019_Training_Metadata\.csv in .*\Z"):
        ISIC2019(tmp_path)
