"""A test's tables read back with the standard library; its pictures decoded again."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import auc as area
from sklearn.metrics import confusion_matrix, roc_auc_score

from miad.errors import RunError
from miad.evaluation import draw_classification, write_classification

CLASSES = ("normal", "benign, so far", 'grade "4"', "never seen")
IDS = [f"ä/{index}.png" for index in range(40)]
DARKEST_BLUE = (8, 48, 107)


def some_predictions(count=40):
    """Predictions of four classes, of which the last has no images."""
    generator = np.random.default_rng(0)
    labels = np.arange(count) % 3
    scores = generator.dirichlet([1, 1, 1, 1], count) + np.eye(4)[labels] / 2
    return torch.from_numpy(scores / scores.sum(1, keepdims=True)).float(), torch.from_numpy(labels)


def read(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def written(tmp_path):
    write_classification(tmp_path, IDS, CLASSES, *some_predictions())
    return tmp_path


def test_exactly_three_tables_are_written(written):
    assert sorted(path.name for path in written.iterdir()) == ["confusion.csv", "predictions.csv", "roc.csv"]


def test_predictions_hold_every_image_in_order(written):
    probabilities, labels = some_predictions()
    rows = read(written / "predictions.csv")
    assert list(rows[0]) == ["image", "label", "predicted", *CLASSES]
    assert [row["image"] for row in rows] == IDS
    assert [row["label"] for row in rows] == [CLASSES[label] for label in labels]
    assert [row["predicted"] for row in rows] == [CLASSES[index] for index in probabilities.argmax(1)]
    found = [[float(row[name]) for name in CLASSES] for row in rows]
    np.testing.assert_allclose(found, probabilities.numpy(), atol=1e-6)


def test_the_confusion_table_is_that_of_scikit_learn(written):
    probabilities, labels = some_predictions()
    rows = read(written / "confusion.csv")
    assert [row["label"] for row in rows] == list(CLASSES)
    found = [[int(row[f"predicted {name}"]) for name in CLASSES] for row in rows]
    assert found == confusion_matrix(labels, probabilities.argmax(1), labels=range(4)).tolist()
    assert found[3] == [0, 0, 0, 0]


def test_the_areas_below_the_curves_are_those_of_scikit_learn(written):
    probabilities, labels = (part.numpy() for part in some_predictions())
    curves = {}
    for row in read(written / "roc.csv"):
        point = [float(row[name]) for name in ("false_positive_rate", "true_positive_rate", "threshold")]
        curves.setdefault(row["class"], []).append(point)
    expected = {name: roc_auc_score(labels == index, probabilities[:, index]) for index, name in enumerate(CLASSES[:3])}
    expected["micro average"] = roc_auc_score(np.eye(4)[labels].ravel(), probabilities.ravel())
    assert {name: area(*np.array(points)[:, :2].T) for name, points in curves.items()} == pytest.approx(
        expected, abs=1e-5
    )


def test_a_curve_s_threshold_gives_its_rates(written):
    probabilities, labels = (part.numpy() for part in some_predictions())
    points = [row for row in read(written / "roc.csv") if row["class"] == CLASSES[1]]
    assert points[0]["threshold"] == "inf"
    for row in points[1:]:
        positive = probabilities[:, 1] >= float(row["threshold"]) - 1e-6
        rates = positive[labels != 1].mean(), positive[labels == 1].mean()
        found = float(row["false_positive_rate"]), float(row["true_positive_rate"])
        assert found == pytest.approx(rates, abs=1e-5)


def drawn(folder, *arguments):
    pictures = {}
    for path in draw_classification(folder, *arguments):
        with Image.open(path) as file:
            assert file.format == "PNG"
            pictures[path.name] = np.array(file.convert("RGB"))
    return pictures


@pytest.mark.filterwarnings("error")
def test_three_pictures_are_drawn_and_none_is_blank(tmp_path):
    pictures = drawn(tmp_path, CLASSES, *some_predictions())
    assert list(pictures) == ["roc.png", "confusion.png", "calibration.png"]
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(pictures)
    for picture in pictures.values():
        assert min(picture.shape[:2]) > 300
        assert 0.01 < (picture.min(2) < 200).mean() < 0.9


def test_the_picture_of_counts_is_dark_where_a_class_is_always_right(tmp_path):
    probabilities, labels = some_predictions()
    wrong = drawn(tmp_path, CLASSES, probabilities.mean(1, keepdim=True).expand(-1, 4), labels)["confusion.png"]
    right = drawn(tmp_path, CLASSES, torch.eye(4)[labels], labels)["confusion.png"]
    dark = [(picture == DARKEST_BLUE).all(2).mean() for picture in (right, wrong)]
    assert dark[0] > 0.02
    rows, columns = (right == DARKEST_BLUE).all(2).nonzero()
    assert np.corrcoef(rows, columns)[0, 1] > 0.8  # on the diagonal
    assert np.ptp((wrong == DARKEST_BLUE).all(2).nonzero()[1]) < right.shape[1] / 4 < np.ptp(columns)  # one column


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("right", [True, False])
def test_a_few_images_of_few_classes_are_written_and_drawn(tmp_path, count, right):
    labels = torch.arange(count)
    probabilities = torch.eye(4)[labels if right else (labels + 1) % 4]
    write_classification(tmp_path, IDS[:count], CLASSES, probabilities, labels)
    assert len(drawn(tmp_path, CLASSES, probabilities, labels)) == 3
    assert len(read(tmp_path / "predictions.csv")) == count
    names = {row["class"] for row in read(tmp_path / "roc.csv")}
    assert names == ({"micro average"} if count == 1 else {"micro average", *CLASSES[:2]})


def test_a_folder_that_can_not_be_written_is_an_error_of_one_line(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(RunError, match=r"\A.*run.*\Z"):
        write_classification(tmp_path / "run", IDS, CLASSES, *some_predictions())
    with pytest.raises(RunError, match=r"\A.*run.*\Z"):
        draw_classification(tmp_path / "run", CLASSES, *some_predictions())
