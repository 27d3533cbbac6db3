"""BTMRI as its publisher packs it. Patterns with .* allow one line only."""

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from miad.data import BTMRI
from miad.data.btmri import CLASS_COUNTS, ORIGIN, PATIENTS, read_slices
from miad.errors import InputError
from tests.data import trees

pytestmark = pytest.mark.filterwarnings("ignore:BTMRI in .* labelled images")


@pytest.fixture
def slices(tmp_path):
    return trees.btmri(tmp_path)


@pytest.fixture
def patients(slices):
    """The patient of every id."""
    return {slice_.id: slice_.patient for slice_ in slices}


@pytest.fixture
def read_one(tmp_path):
    """A function that saves a slice among others and gives it as it is read: pixels and mask."""

    def read_one(image, mask=None):
        for number in range(1, 9):
            trees.save_slice(tmp_path / f"{number}.mat", np.array(image, np.int16), patient=f"{number}", mask=mask)
        split = BTMRI(tmp_path).split("val")
        return split.pixels(0), split.lesion_mask(0)

    return read_one


def sides(root, **options):
    splits = BTMRI(root, **options).splits()
    assert list(splits) == ["train", "val"]
    return splits["train"], splits["val"]


def test_the_published_counts_add_up():
    assert sum(CLASS_COUNTS.values()) == ORIGIN.images == 3064
    assert PATIENTS == 233


def test_slices_come_in_numeric_order_with_labels_and_patients(tmp_path, slices):
    files = read_slices(tmp_path)
    assert [file.id for file in files] == [f"{number}.mat" for number in range(1, 37)]
    assert [file.patient for file in files] == [slice_.patient for slice_ in slices]
    assert BTMRI(tmp_path).classes == ("glioma", "meningioma", "pituitary")
    names = {1: "meningioma", 2: "glioma", 3: "pituitary"}
    assert [BTMRI.classes[file.label] for file in files] == [names[slice_.label] for slice_ in slices]


def test_pixels_and_masks_are_those_of_the_publishers_variables(tmp_path, slices):
    by_id = {slice_.id: slice_ for slice_ in slices}
    for index, id_ in enumerate((split := BTMRI(tmp_path).split("val")).ids):
        image = by_id[id_].image.astype(float)
        expected = 255 * (image - image.min()) / (image.max() - image.min())
        assert split.shape(index) == split.pixels(index).shape == (6, 5)
        assert split.pixels(index).dtype == np.uint8
        np.testing.assert_allclose(split.pixels(index), expected, atol=0.5)
        np.testing.assert_array_equal(split.lesion_mask(index), by_id[id_].mask == 1)


def test_the_darkest_value_becomes_0_and_the_brightest_255(read_one):
    pixels, _ = read_one([[-200, -100, 0], [310, 100, 56]])
    assert pixels.tolist() == [[0, 50, 100], [255, 150, 128]]


def test_differences_beyond_16_bits_do_not_overflow(read_one):
    pixels, _ = read_one([[-32768, 32767], [0, 0]])
    assert pixels.tolist() == [[0, 255], [128, 128]]


@pytest.mark.filterwarnings("error::RuntimeWarning")  # of a division by zero
def test_a_slice_of_one_value_is_black(read_one):
    pixels, lesion = read_one([[7, 7, 7], [7, 7, 7]])
    assert pixels.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert not lesion.any()


def test_items_have_a_working_size(tmp_path, slices):
    split = BTMRI(tmp_path, size=4).split("val")
    assert split.shape(0) == tuple(split[0].lesion.shape) == (4, 4)
    assert split[0].grey


def test_no_patient_is_on_both_sides(tmp_path, patients):
    for seed in range(5):
        train, val = sides(tmp_path, seed=seed)
        assert not {patients[id_] for id_ in train.ids} & {patients[id_] for id_ in val.ids}
        assert (len(train), len(val)) == (27, 9)


def test_the_papers_split_is_by_slice_and_has_patients_on_both_sides(tmp_path, patients):
    for seed in range(3):
        train, val = sides(tmp_path, split="paper", seed=seed)
        assert {patients[id_] for id_ in train.ids} & {patients[id_] for id_ in val.ids}
        assert sorted(val.labels) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
        assert sorted(train.ids + val.ids) == sorted(patients)


def test_the_seed_decides_the_papers_split(tmp_path, slices):
    first, again, *others = (sides(tmp_path, split="paper", seed=seed)[1].ids for seed in (1, 1, 2, 3))
    assert first == again
    assert any(ids != first for ids in others)


@pytest.mark.parametrize("fold", range(1, 6))
def test_the_publishers_folds_are_validated_on_one_by_one(tmp_path, slices, fold):
    train, val = sides(tmp_path, split="folds", fold=fold)
    assert val.ids == [slice_.id for slice_ in slices if slice_.fold == fold]
    assert train.ids == [slice_.id for slice_ in slices if slice_.fold != fold]


@pytest.mark.parametrize("fold", [0, 6])
def test_a_fold_outside_of_1_to_5_is_refused_in_one_line(tmp_path, slices, fold):
    with pytest.raises(InputError, match=rf"\A.*expected a fold of 1 to 5, found {fold}\Z"):
        BTMRI(tmp_path, split="folds", fold=fold)


def write_folds(root, name, folds):
    with h5py.File(root / "cvind.mat", "w", userblock_size=512) as file:
        file[name] = np.array([folds], float)


@pytest.mark.parametrize(
    ("name", "folds", "words"),
    [
        ("cvind", [1, 2, 3, 4, 5], "expected the folds of 36 slices, found 5"),
        ("cvind", [1, 2, 3, 4, 5, 6] * 6, "expected folds of 1 to 5, found 6"),
        ("cvind", [1, 2, 3, 0, 4, 5] * 6, "expected folds of 1 to 5, found 0"),
        ("cvind", [1, 2, 3, 1.5, 4, 5] * 6, "expected folds of 1 to 5, found 1.5"),
        ("cvind", [1, 2, 3, np.nan, 4, 5] * 6, "expected folds of 1 to 5, found nan"),
        ("folds", [1, 2, 3, 4, 5, 1] * 6, "expected a variable cvind, found folds"),
    ],
)
def test_folds_that_do_not_fit_are_refused_in_one_line(tmp_path, slices, name, folds, words):
    write_folds(tmp_path, name, folds)
    with pytest.raises(InputError, match=rf"\A.*cvind\.mat: {words}\Z"):
        BTMRI(tmp_path, split="folds")


def test_folds_are_needed_only_by_who_asks_for_them(tmp_path, slices):
    (tmp_path / "cvind.mat").unlink()
    assert len(BTMRI(tmp_path).split("val")) == 9
    with pytest.raises(InputError, match=r"\ABTMRI: no cvind\.mat in .*; expected there: .*\Z"):
        BTMRI(tmp_path, split="folds")


@pytest.mark.parametrize(("label", "found"), [(0, "0"), (4, "4"), (1.5, "1.5"), (float("nan"), "nan")])
def test_a_label_that_was_not_published_is_named_in_one_line(tmp_path, slices, label, found):
    trees.save_slice(tmp_path / "12.mat", np.zeros((6, 5), np.int16), label)
    words = rf"\A.*12\.mat: expected a label of 1 meningioma, 2 glioma, 3 pituitary, found {found}\Z"
    with pytest.raises(InputError, match=words):
        BTMRI(tmp_path)


def save_v5(path):
    savemat(path, {"cjdata": {"image": np.zeros((6, 5)), "label": 1.0, "PID": "100360", "tumorMask": np.zeros((6, 5))}})


def save_without(*names):
    def save(path):
        with h5py.File(path, "a") as file:
            for name in names:
                del file[name]

    return save


def save_dataset(path):
    with h5py.File(path, "w") as file:
        file["cjdata"] = 1.0


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (save_v5, r"expected a MATLAB v7\.3 \(HDF5\) file, found another .*"),
        (lambda path: path.write_text("image"), r"expected a MATLAB v7\.3 \(HDF5\) file, found another .*"),
        (lambda path: path.write_bytes(path.read_bytes()[:3000]), r"expected a MATLAB v7\.3 \(HDF5\) file, found .*"),
        (save_without("cjdata"), "expected cjdata with image, label, PID and tumorMask, found no image"),
        (save_without("cjdata/label", "cjdata/PID"), "expected cjdata with image, .*, found no label"),
        (save_without("cjdata/tumorMask"), "expected cjdata with image, .*, found no tumorMask"),
        (save_dataset, "expected cjdata with image, .*, found no image"),
    ],
)
def test_what_is_no_slice_is_named_in_one_line(tmp_path, slices, damage, words):
    damage(tmp_path / "12.mat")
    with pytest.raises(InputError, match=rf"\A.*12\.mat: {words}\Z"):
        BTMRI(tmp_path)


def test_a_slice_whose_pixels_are_damaged_is_named_in_one_line(tmp_path, slices):
    path = tmp_path / "12.mat"
    with h5py.File(path) as file:
        _, packed = file["cjdata/image"].id.read_direct_chunk((0, 0))
    assert packed in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(packed, bytes(len(packed))))
    with pytest.raises(InputError, match=r"\A.*12\.mat: expected a MATLAB v7\.3 \(HDF5\) file, found .*\Z"):
        [split.check() for split in BTMRI(tmp_path).splits().values()]


def test_a_mask_of_another_size_is_refused_in_one_line(read_one):
    with pytest.raises(InputError, match=r"\A.*\d\.mat: expected a tumorMask of 3x2 as the image, found 2x3\Z"):
        read_one([[1, 2, 3], [4, 5, 6]], np.zeros((3, 2), np.uint8))


def test_other_matlab_files_in_the_folder_do_not_matter(tmp_path, slices):
    (tmp_path / "._1.mat").write_bytes(b"Mac OS X")
    (tmp_path / "notes.mat").write_bytes(b"")
    assert len(read_slices(tmp_path)) == 36
