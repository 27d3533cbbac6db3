"""Tables read back with the standard library; figures decoded again."""

import csv
from math import inf

import numpy as np
import pytest
from PIL import Image

from miad.errors import RunError
from miad.evaluation import contact_sheet, write_attack_table, write_predictions
from miad.search import Status
from miad.tasks import Entry

CLASSES = ("normal", "benign, so far", 'grade "4"')
WEIGHTS = [0.75, 0.25]
TARGETS = ["a", "b", "unseen"]
COLUMNS = (
    "image,label,status,queries,x,y,alpha,variant,scale,raised,lesion,covered,caught,trusted,"
    "confidence_before,confidence_after,predicted,ssim,psnr,rmse,delta"
)


def probabilities(seed):
    rows = np.random.default_rng(seed).dirichlet([1, 1, 1], 3)
    return rows.astype(np.float32).tolist()


BEFORE, AFTER = probabilities(1), probabilities(2)
MARKED = Entry(
    "ä/1.png",
    "1.png",
    1,
    Status.SUCCESS,
    17,
    3,
    4,
    150,
    2,
    2.5,
    16,
    True,
    40,
    7,
    30,
    BEFORE,
    AFTER,
    0.875,
    31.5,
    6.25,
    4.5,
)
LEFT = Entry(
    "2.png",
    "",
    2,
    Status.INFEASIBLE,
    1,
    -1,
    -1,
    -1,
    -1,
    4.0,
    48,
    False,
    -1,
    0,
    0,
    AFTER,
    AFTER,
    1.0,
    inf,
    0.0,
    0.0,
)


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def attack_csv(tmp_path):
    write_attack_table(tmp_path / "attack.csv", [MARKED, LEFT], CLASSES, WEIGHTS)
    return tmp_path / "attack.csv"


@pytest.fixture
def predictions_csv(tmp_path):
    write_predictions(tmp_path / "predictions.csv", [MARKED, LEFT], CLASSES, TARGETS)
    return tmp_path / "predictions.csv"


def test_the_attack_table_has_exactly_these_columns(attack_csv):
    assert attack_csv.read_text(encoding="utf-8").splitlines()[0] == COLUMNS


def test_a_row_holds_its_entry(attack_csv):
    row = read(attack_csv)[0]
    assert [row[name] for name in ("image", "label", "status")] == ["ä/1.png", "benign, so far", "success"]
    numbers = ("queries", "x", "y", "alpha", "variant", "scale", "ssim", "psnr", "rmse", "delta")
    assert [float(row[name]) for name in numbers] == [17, 3, 4, 150, 2, 2.5, 0.875, 31.5, 6.25, 4.5]
    lesion = ("raised", "lesion", "covered", "caught", "trusted")
    assert [row[name] for name in lesion] == ["16", "40", "7", "30", "yes"]


def test_without_a_given_mask_nothing_is_known_of_the_lesion(attack_csv):
    row = read(attack_csv)[1]
    assert [row[name] for name in ("raised", "lesion", "covered", "caught", "trusted")] == ["48", "", "", "", "no"]


def test_confidence_and_prediction_are_the_weighted_mean_of_the_sources(attack_csv):
    row = read(attack_csv)[0]
    before, after = (0.75 * np.array(part[0]) + 0.25 * np.array(part[1]) for part in (BEFORE, AFTER))
    assert float(row["confidence_before"]) == pytest.approx(before[1], abs=1e-6)
    assert float(row["confidence_after"]) == pytest.approx(after[1], abs=1e-6)
    assert row["predicted"] == CLASSES[int(after.argmax())]


def test_an_image_without_a_mark_has_no_place(attack_csv):
    row = read(attack_csv)[1]
    assert row["status"] == "infeasible"
    assert [row[name] for name in ("x", "y", "alpha", "variant")] == [""] * 4
    assert [float(row[name]) for name in ("ssim", "psnr", "rmse")] == [1, inf, 0]
    assert row["confidence_before"] == row["confidence_after"]


def test_predictions_hold_every_target_before_and_after(predictions_csv):
    rows = read(predictions_csv)
    assert [(row["image"], row["target"], row["pixels"]) for row in rows] == [
        (image, target, pixels)
        for image in ("ä/1.png", "2.png")
        for target in TARGETS
        for pixels in ("original", "marked")
    ]
    found = [[float(row[name]) for name in CLASSES] for row in rows]
    expected = [
        part[k] for before, after in ((BEFORE, AFTER), (AFTER, AFTER)) for k in range(3) for part in (before, after)
    ]
    assert np.allclose(found, expected, atol=1e-6)
    assert np.allclose(np.sum(found, axis=1), 1, atol=3e-6)


def test_a_table_of_nothing_is_its_header(tmp_path):
    write_attack_table(tmp_path / "attack.csv", [], CLASSES, WEIGHTS)
    assert (tmp_path / "attack.csv").read_text(encoding="utf-8").splitlines() == [COLUMNS]


def test_a_file_in_the_way_is_an_error_of_one_line(tmp_path):
    (tmp_path / "run").write_text("mine")
    for write in (
        lambda path: write_attack_table(path / "a.csv", [MARKED], CLASSES, WEIGHTS),
        lambda path: contact_sheet(path / "a.png", rows(0)),
    ):
        with pytest.raises(RunError, match=r"\A.*run.*\Z"):
            write(tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def rows(change, shape=(32, 32)):
    """Two captioned rows; in the second the recovered image is wrong by ``change`` in its upper left quarter."""
    generator = np.random.default_rng(3)
    drawn = []
    for error in (0, change):
        original = generator.integers(0, 128, shape).astype(np.uint8)
        marked = original.copy()
        marked[8:16, 8:24] = 255
        recovered = original.copy()
        recovered[:16, :16] += np.uint8(error)
        drawn.append(("caption", original, marked, recovered))
    return drawn


def sheet(path, *arguments):
    contact_sheet(path, rows(*arguments))
    with Image.open(path) as file:
        assert file.format == "PNG"
        return np.array(file.convert("RGB")).astype(int)


@pytest.mark.parametrize("shape", [(32, 32), (32, 32, 3), (20, 45)])
def test_the_sheet_is_a_picture_of_every_row(tmp_path, shape):
    picture = sheet(tmp_path / "a.png", 0, shape)
    assert min(picture.shape[:2]) > 250
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    contact_sheet(tmp_path / "b.png", rows(0, shape)[:1])
    with Image.open(tmp_path / "b.png") as one:
        assert one.height < 0.7 * picture.shape[0]


def test_a_wrong_recovery_is_seen_in_the_difference(tmp_path):
    right, wrong = sheet(tmp_path / "a.png", 0), sheet(tmp_path / "b.png", 100)
    changed = np.abs(right - wrong).max(axis=2)
    height, width = changed.shape
    last = changed[:, 3 * width // 4 :]
    assert last[: height // 2].max() == 0  # the first row is right in both
    assert (last[height // 2 :] == 100).sum() > 1000  # black became 100 on a quarter of the panel
    assert changed[:, : width // 2].max() == 0  # original and marked are the same


def test_equal_images_have_a_black_difference(tmp_path):
    picture = sheet(tmp_path / "a.png", 0)
    panel = picture[:, 3 * picture.shape[1] // 4 :].max(axis=2)
    assert (panel == 0).mean() > 0.5


@pytest.mark.parametrize("shape", [(32, 32), (32, 32, 3)])
def test_even_one_grey_level_is_told(tmp_path, shape):
    right, wrong = sheet(tmp_path / "a.png", 0, shape), sheet(tmp_path / "b.png", 1, shape)
    # The panel shows next to nothing, but the figure below it says "largest: 1".
    assert np.abs(right - wrong)[:, 3 * right.shape[1] // 4 :].max() > 100
