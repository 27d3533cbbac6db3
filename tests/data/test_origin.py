"""Public data sets that are absent, incomplete or damaged. Patterns with .* allow one line only."""

import re
import warnings

import pytest

from miad.data import BTMRI, ISIC2019, EyePACS, IDRiD, IDRiDLesions, Messidor
from miad.data.fundus import Fundus
from miad.errors import InputError
from tests.data import trees

SETS = {
    Messidor: (trees.messidor, "Messidor", 19, 1200, "Annotation_Base11.xls", "https://www.adcis.net"),
    EyePACS: (trees.eyepacs, "EyePACS", 80, 35126, "trainLabels.csv", "https://www.kaggle.com"),
    IDRiD: (trees.idrid, "IDRiD grading", 27, 516, "Training Labels.csv", "https://ieee-dataport.org"),
    IDRiDLesions: (trees.idrid_lesions, "IDRiD segmentation", 11, 81, "a. Training Set", "https://ieee-dataport.org"),
    ISIC2019: (trees.isic2019, "ISIC 2019", 48, 25331, "ISIC_2019_.*csv", "https://challenge.isic-archive.com"),
    BTMRI: (trees.btmri, "BTMRI", 36, 3064, "1.mat", "https://doi.org"),
}
OPTIONS = {EyePACS: {"per_class": None}}
FILES = {
    Messidor: "Base13/20060522_45451_0100_PP.tif",
    EyePACS: "train/10_left.jpeg",
    IDRiD: "B. Disease Grading/1. Original Images/b. Testing Set/IDRiD_003.jpg",
    ISIC2019: "ISIC_2019_Training_Input/ISIC_0000007.jpg",
}
every_set = pytest.mark.parametrize("data_set", SETS, ids=lambda data_set: data_set.__name__)
sets_of_files = pytest.mark.parametrize("data_set", FILES, ids=lambda data_set: data_set.__name__)


def make(data_set, root, **options):
    return data_set(root, **OPTIONS.get(data_set, {}), **options)


@every_set
def test_an_absent_folder_is_named_with_what_belongs_there_and_where_it_is_obtained(tmp_path, data_set):
    _, name, _, _, _, url = SETS[data_set]
    root = tmp_path / "absent"
    words = rf"\A{name}: no .*{re.escape(str(root))}; expected there: .*; obtain it from {url}.* as data\.root\Z"
    with pytest.raises(InputError, match=words):
        make(data_set, root)


@every_set
def test_an_empty_folder_is_said_to_lack_the_first_file(tmp_path, data_set):
    _, name, _, _, first, url = SETS[data_set]
    words = rf"\A{name}: no .*{first} in {re.escape(str(tmp_path))}; expected there: .*; obtain it from {url}.*\Z"
    with pytest.raises(InputError, match=words):
        make(data_set, tmp_path)


@every_set
def test_another_number_of_images_than_published_warns_once_naming_both(tmp_path, data_set):
    build, name, found, published, _, _ = SETS[data_set]
    build(tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make(data_set, tmp_path)
    message = f"{name} in {tmp_path}: {found} labelled images, published are {published}"
    assert [(str(warning.message), warning.category) for warning in caught] == [(message, UserWarning)]


@pytest.mark.filterwarnings("ignore:.* labelled images, published are")
@sets_of_files
def test_a_listed_image_that_is_absent_is_named_in_one_line(tmp_path, data_set):
    build, name, *_ = SETS[data_set]
    build(tmp_path)
    (tmp_path / FILES[data_set]).unlink()
    words = rf"\A{name}: no {re.escape(FILES[data_set])} in .*; expected there: .*\Z"
    with pytest.raises(InputError, match=words):
        make(data_set, tmp_path)


@pytest.mark.filterwarnings("ignore:.* labelled images, published are")
@sets_of_files
def test_a_text_that_is_named_as_an_image_is_found_before_the_work(tmp_path, data_set):
    SETS[data_set][0](tmp_path)
    options = {"disc": None} if issubclass(data_set, Fundus) else {}
    (tmp_path / FILES[data_set]).write_text("image,label\n")
    with pytest.raises(InputError, match=rf"\A.*{re.escape(FILES[data_set])}: not an image file.*\Z"):
        [split.check() for split in make(data_set, tmp_path, **options).splits().values()]


@pytest.mark.filterwarnings("ignore:.* labelled images, published are")
@every_set
def test_ids_are_unique_and_the_same_in_any_folder(tmp_path, data_set):
    ids = []
    for folder in ("a", "b/c"):
        SETS[data_set][0](tmp_path / folder)
        ids.append([id_ for split in make(data_set, tmp_path / folder).splits().values() for id_ in split.ids])
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == len(ids[0]) > 10


@pytest.mark.filterwarnings("ignore:.* labelled images, published are")
@every_set
def test_the_seed_decides_the_split(tmp_path, data_set):
    SETS[data_set][0](tmp_path)
    first, again, *others = (make(data_set, tmp_path, seed=seed).split("val").ids for seed in (1, 1, 2, 3, 4))
    assert first == again
    assert any(ids != first for ids in others)


@pytest.mark.filterwarnings("ignore:.* labelled images, published are")
@every_set
def test_nothing_is_written_before_pixels_are_asked_for(tmp_path, data_set):
    SETS[data_set][0](tmp_path)
    before = sorted(tmp_path.rglob("*"))
    data = make(data_set, tmp_path)
    assert all(len(split.labels) == len(split) and split.shape(0) for split in data.splits().values())
    assert sorted(tmp_path.rglob("*")) == before
