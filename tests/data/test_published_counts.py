"""The real data sets hold what their publishers say; needs them in the folder that MIAD_DATA names."""

import os
from collections import Counter
from pathlib import Path

import pytest

from miad.data import IDRiDLesions, btmri, eyepacs, idrid, isic2019, messidor

pytestmark = pytest.mark.filterwarnings("error:.* labelled images, published are")


@pytest.fixture
def root(request):
    """The folder of the real data set that the test's parameter names."""
    root = Path(os.environ.get("MIAD_DATA", "")) / request.param
    if "MIAD_DATA" not in os.environ or not root.is_dir():
        pytest.skip(f"needs the real {request.param} in the folder that MIAD_DATA names")
    return root


def in_order(labels):
    return tuple(count for _, count in sorted(Counter(labels).items()))


@pytest.mark.parametrize(
    ("root", "read", "counts"),
    [
        ("messidor", messidor.read_grades, (546, 153, 247, 254)),
        ("eyepacs", eyepacs.read_grades, (25810, 2443, 5292, 873, 708)),
        ("isic2019", isic2019.read_labels, (4522, 12875, 3323, 867, 2624, 239, 253, 628)),
    ],
    indirect=["root"],
    ids=["messidor", "eyepacs", "isic2019"],
)
def test_classes_have_the_published_counts(root, read, counts):
    assert in_order(read(root).values()) == counts


@pytest.mark.parametrize("root", ["messidor"], indirect=True)
def test_messidor_keeps_1186_photographs(root):
    assert len(messidor.correct_grades(messidor.read_grades(root))) == 1200 - 13 - 1


@pytest.mark.parametrize("root", ["idrid"], indirect=True)
def test_idrid_has_the_published_counts(root):
    assert in_order(idrid.read_grades(root, "train").values()) == (134, 20, 136, 74, 49)
    assert in_order(idrid.read_grades(root, "test").values()) == (34, 5, 32, 19, 13)


@pytest.mark.parametrize("root", ["idrid"], indirect=True)
def test_idrid_has_54_and_27_drawn_photographs_and_some_without_soft_exudates(root):
    splits = IDRiDLesions(root, lesions=["se"]).splits()
    assert (len(splits["train"]) + len(splits["val"]), len(splits["test"])) == (54, 27)
    assert sum(bool(file.masks) for file in splits["train"].files + splits["val"].files) == 26
    assert sum(bool(file.masks) for file in splits["test"].files) == 14


@pytest.mark.parametrize("root", ["isic2019"], indirect=True)
def test_isic2019_lists_the_metadata_of_every_image(root):
    assert isic2019.read_lesions(root).keys() == isic2019.read_labels(root).keys()


@pytest.mark.parametrize("root", ["btmri"], indirect=True)
def test_btmri_has_the_published_counts_patients_and_folds(root):
    slices = btmri.read_slices(root)
    assert in_order(slice_.label for slice_ in slices) == (1426, 708, 930)
    assert len({slice_.patient for slice_ in slices}) == 233
    folds = {}
    for slice_, fold in zip(slices, btmri.read_folds(root, 3064), strict=True):
        folds.setdefault(slice_.patient, set()).add(fold)
    assert {len(of_patient) for of_patient in folds.values()} == {1}
