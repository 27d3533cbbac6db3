"""Messidor as its publisher packs it. Patterns with .* allow one line only."""

import io

import pytest
import xlrd
from PIL import Image

from miad.data import Messidor
from miad.data.messidor import CONTRADICTED, CORRECTIONS, DUPLICATES, GRADE_COUNTS, ORIGIN, read_grades
from miad.errors import InputError
from tests.data import trees

pytestmark = pytest.mark.filterwarnings("ignore:Messidor in .* labelled images")

LEFT_OUT = {
    "Base33/20051202_54744_0400_PP.tif",
    "Base33/20051202_40508_0400_PP.tif",
    "Base33/20051205_33025_0400_PP.tif",
    "Base33/20051202_55626_0400_PP.tif",
}
CORRECTED = {
    "Base11/20051020_63045_0100_PP.tif": 0,
    "Base11/20051020_63936_0100_PP.tif": 1,
    "Base11/20051020_64007_0100_PP.tif": 3,
    "Base13/20060523_48477_0100_PP.tif": 3,
}


def labels(data):
    return {id_: label for split in data.splits().values() for id_, label in zip(split.ids, split.labels, strict=True)}


def test_the_published_errata_add_up():
    names = [*DUPLICATES, *DUPLICATES.values()]
    assert (len(DUPLICATES), len(set(names))) == (13, 26)
    assert CONTRADICTED in [set(pair) for pair in DUPLICATES.items()]
    assert len(CORRECTIONS) == 4
    assert not set(CORRECTIONS) & set(names)
    assert sum(GRADE_COUNTS) == ORIGIN.images == 1200


@pytest.mark.parametrize("inside", [False, True], ids=["beside", "inside"])
def test_grades_are_read_wherever_the_annotations_lie(tmp_path, inside):
    published = trees.messidor(tmp_path, inside)
    assert read_grades(tmp_path) == published


def test_annotations_with_a_blank_in_their_name_are_read(tmp_path):
    published = trees.messidor(tmp_path)
    (tmp_path / "Annotation_Base13.xls").rename(tmp_path / "Annotation Base13.xls")
    assert read_grades(tmp_path) == published


def test_duplicates_are_left_out_and_grades_corrected(tmp_path):
    published = trees.messidor(tmp_path)
    assert published.keys() > LEFT_OUT
    kept = {id_: grade for id_, grade in published.items() if id_ not in LEFT_OUT}
    assert labels(Messidor(tmp_path)) == kept | CORRECTED
    assert Messidor(tmp_path).classes == ("0", "1", "2", "3")


def test_referable_means_grade_2_or_more_after_the_corrections(tmp_path):
    trees.messidor(tmp_path)
    data = Messidor(tmp_path, referable=True)
    assert data.classes == ("not referable", "referable")
    assert labels(data) == {id_: int(grade >= 2) for id_, grade in labels(Messidor(tmp_path)).items()}
    assert labels(data)["Base11/20051020_63045_0100_PP.tif"] == 0


def test_a_quarter_validates(tmp_path):
    trees.messidor(tmp_path)
    splits = Messidor(tmp_path).splits()
    assert (len(splits["train"]), len(splits["val"])) == (11, 4)


@pytest.mark.parametrize(("disc", "size"), [(None, (16, 12)), (8, (8, 8))])
def test_every_id_has_the_pixels_of_its_file(tmp_path, disc, size):
    numbers = {id_: number for number, id_ in enumerate(trees.messidor(tmp_path))}
    for split in Messidor(tmp_path, disc=disc).splits().values():
        for index, id_ in enumerate(split.ids):
            image = Image.fromarray(split.pixels(index))
            colours = {(0, 0, 0), trees.colour(numbers[id_])} if disc is None else {trees.colour(numbers[id_])}
            assert (image.size, {colour for _, colour in image.getcolors()}) == (size, colours)


def rewrite(row, header=("Image name", "Ophthalmologic department", "Retinopathy grade", "Risk")):
    return lambda root: trees.write_annotation(root / "Annotation_Base13.xls", [row], header)


def write_text(root):
    (root / "Annotation_Base13.xls").write_text("Image name,Retinopathy grade\na.tif,1\n")


def cut_short(root):
    path = root / "Annotation_Base13.xls"
    path.write_bytes(path.read_bytes()[:3000])


NAME = "20060523_48477_0100_PP.tif"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (rewrite((NAME, "", 4.0, 0)), "Base13.xls, line 2: expected a label from 0 to 3, found 4.0"),
        (rewrite((NAME, "", -1, 0)), "Base13.xls, line 2: expected a label from 0 to 3, found -1.0"),
        (rewrite((NAME, "", 1.5, 0)), "Base13.xls, line 2: expected a label from 0 to 3, found 1.5"),
        (rewrite((NAME, "", "", 0)), "Base13.xls, line 2: expected a label from 0 to 3, found ''"),
        (rewrite((NAME, "", "two", 0)), "Base13.xls, line 2: expected a label from 0 to 3, found 'two'"),
        (rewrite((NAME, 2), ("Image name", "Grade")), "Base13.xls: expected the columns .*, found Image name, Grade"),
        (rewrite(("absent.tif", "", 2, 0)), "Messidor: no Base13/absent.tif in .*"),
        (write_text, "Base13.xls: expected an Excel 97 table, found a file that can not be read .*"),
        (cut_short, "Base13.xls: expected an Excel 97 table, found a file that can not be read .*"),
    ],
)
def test_a_mistake_in_the_annotations_is_named_in_one_line(tmp_path, damage, words):
    trees.messidor(tmp_path)
    damage(tmp_path)
    with pytest.raises(InputError, match=rf"\A.*{words}\Z"):
        Messidor(tmp_path)


def test_annotations_cut_anywhere_are_read_or_refused_without_a_word_on_the_terminal(tmp_path, monkeypatch):
    words = io.StringIO()  # instead of the terminal, which xlrd took for its default when it was imported
    defaults = tuple(words if hasattr(value, "write") else value for value in xlrd.open_workbook.__defaults__)
    monkeypatch.setattr(xlrd.open_workbook, "__defaults__", defaults)
    trees.messidor(tmp_path)
    path = tmp_path / "Annotation_Base13.xls"
    whole, published = path.read_bytes(), read_grades(tmp_path)
    refused = []
    for length in range(0, len(whole), 61):
        path.write_bytes(whole[:length])
        try:
            assert read_grades(tmp_path) == published
        except InputError as error:
            refused.append(str(error))
    assert len(refused) > 50
    assert not [message for message in refused if "\n" in message]
    assert words in defaults
    assert words.getvalue() == ""
