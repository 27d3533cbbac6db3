"""The table of a segmenter's test says what was counted; its pictures show what was found."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from miad.evaluation import Segmented, draw_precision_recall, draw_segmentation, write_segmentation
from miad.measures import SegmentationScores, overlap

KINDS = ("a", "b")


def a_prediction():
    """The first kind half found; the second neither there nor predicted."""
    masks = np.zeros((2, 12, 10), bool)
    masks[0, 2:4, 3:7] = True
    probabilities = torch.zeros(2, 12, 10)
    probabilities[0, 2:4, 5:9] = 0.9
    return probabilities, masks


def test_a_row_is_an_image_and_a_kind(tmp_path):
    probabilities, masks = a_prediction()
    own = overlap(probabilities, torch.from_numpy(masks))
    write_segmentation(tmp_path / "s.csv", ["one.png", "two.png"], KINDS, [own, own])
    with (tmp_path / "s.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["image", "kind", "dice", "iou", "true_pixels", "predicted_pixels", "lesions", "found"]
    assert rows[1] == ["one.png", "a", "0.500000", "0.333333", "8", "8", "1", "1"]
    assert rows[2] == ["one.png", "b", "", "", "0", "0", "0", "0"]
    assert [row[0] for row in rows[3:]] == ["two.png", "two.png"]


@pytest.mark.parametrize("shape", [(12, 10), (12, 10, 3)])
def test_outlines_are_drawn_over_images_of_either_colour(tmp_path, shape):
    probabilities, masks = a_prediction()
    rows = [Segmented("one", np.full(shape, 90, np.uint8), masks, probabilities)]
    draw_segmentation(tmp_path / "s.png", KINDS, rows)
    drawn = np.asarray(Image.open(tmp_path / "s.png").convert("RGB")).astype(int)
    blue = (drawn[..., 2] > drawn[..., 0] + 80) & (drawn[..., 2] > 120)
    columns = np.flatnonzero(blue[: len(blue) * 3 // 4].any(0)) / drawn.shape[1]  # the legend is below
    assert ((columns > 0.25) & (columns < 0.75)).all()
    assert (columns < 0.5).any()
    assert (columns > 0.5).any()


def test_a_curve_is_drawn_for_every_kind_even_one_that_is_nowhere(tmp_path):
    probabilities, masks = a_prediction()
    scores = SegmentationScores(KINDS)
    scores.update(probabilities[None], torch.from_numpy(masks)[None])
    draw_precision_recall(tmp_path / "p.png", scores)
    assert Image.open(tmp_path / "p.png").size[0] > 300
