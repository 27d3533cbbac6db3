"""Transfer tables of six images, worked out by hand."""

from dataclasses import replace
from math import isnan

import numpy as np
import pytest
import torch
from PIL import Image

from miad.errors import RunError
from miad.evaluation import (
    JudgedCell,
    MatrixRow,
    TransferRow,
    draw_leave_one_out,
    draw_matrix,
    matrix_rows,
    transfer_rows,
    wide,
)
from miad.search import Status

NAN = float("nan")
DARKEST_RED = (103, 0, 13)


def probabilities(*first):
    """Two classes, from the probability of the first."""
    return torch.tensor([[p, 1 - p] for p in first])


CELL = JudgedCell(
    name="all but u",
    search="he",
    sources=("a", "b"),
    weights=(0.75, 0.25),
    labels=torch.tensor([0, 0, 1, 0, 1, 1]),
    status=(Status.SUCCESS, Status.FAILED, Status.SUCCESS, Status.SKIPPED, Status.INFEASIBLE, Status.FAILED),
    queries=(3, 9, 6, 1, 1, 12),
    quality={"ssim": 0.875, "psnr": 31.5},
    before={
        "a": probabilities(0.9, 0.8, 0.2, 0.4, 0.3, 0.1),
        "b": probabilities(0.7, 0.6, 0.4, 0.8, 0.1, 0.3),
        "u": probabilities(0.8, 0.3, 0.4, 0.7, 0.2, 0.2),  # misreads the second image
    },
    after={
        "a": probabilities(0.4, 0.8, 0.9, 0.6, 0.3, 0.2),
        "b": probabilities(0.6, 0.1, 0.2, 0.9, 0.1, 0.85),
        "u": probabilities(0.1, 0.2, 0.3, 0.3, 0.2, 0.4),
    },
)
"""Images 1, 2, 3 and 6 were attacked; their weighted means afterwards are 0.45, 0.625, 0.725 and 0.3625."""
SINGLE = replace(CELL, name="a", sources=("a",), weights=(1.0,))


def test_attacked_images_are_those_that_were_searched():
    assert CELL.attacked().tolist() == [True, True, True, False, False, True]
    assert CELL.fooled().tolist() == [True, False, True, False, False, False]


def test_a_target_s_verdicts_are_its_own():
    assert CELL.read("u").tolist() == [True, False, True, True, True, True]
    assert CELL.misread("u").tolist() == [True, True, False, True, False, False]


def test_there_is_a_row_for_the_sources_mean_and_for_every_target():
    rows = transfer_rows(CELL)
    assert [(row.target, row.role) for row in rows] == [
        ("seen", "seen"),
        ("a", "source"),
        ("b", "source"),
        ("u", "unseen"),
    ]
    assert {(row.sources, row.search) for row in rows} == {("all but u", "he")}


def test_a_single_source_is_its_own_mean_and_has_no_second_row():
    rows = transfer_rows(SINGLE)
    assert [(row.target, row.role) for row in rows] == [("seen", "seen"), ("b", "unseen"), ("u", "unseen")]
    several = {row.target: row for row in transfer_rows(CELL)}
    assert rows[0][4:] == several["a"][4:]
    assert rows[1][4:] == several["b"][4:]


@pytest.mark.parametrize(
    ("target", "accuracy", "auc", "asr"),
    [
        ("seen", (1, 2 / 4), (1, 8 / 16), 2 / 4),  # right 0.45 0.625 0.275 0.6375, wrong 0.55 0.375 0.725 0.3625
        ("a", (1, 2 / 4), (1, 8 / 16), 2 / 4),  # right 0.4 0.8 0.1 0.8, wrong 0.6 0.2 0.9 0.2
        ("b", (1, 2 / 4), (1, 4 / 16), 2 / 4),  # right 0.6 0.1 0.8 0.15, wrong 0.4 0.9 0.2 0.85
        ("u", (3 / 4, 2 / 4), (13 / 16, 4 / 16), 1 / 3),  # of the images that it read, it misreads the first
    ],
)
def test_scores_are_over_the_attacked_images(target, accuracy, auc, asr):
    (row,) = [row for row in transfer_rows(CELL) if row.target == target]
    assert row.images == 4
    assert (row.accuracy_before, row.accuracy_after) == pytest.approx(accuracy)
    assert (row.auc_micro_before, row.auc_micro_after) == pytest.approx(auc)
    assert row.asr == pytest.approx(asr)
    assert (row.queries_mean, row.queries_median, row.ssim, row.psnr) == (7.5, 7.5, 0.875, 31.5)
    assert row.queries_p90 == pytest.approx(np.quantile([3, 9, 6, 12], 0.9))


def test_the_weights_matter():
    equal = transfer_rows(replace(CELL, weights=(0.5, 0.5)))[0]
    assert equal.accuracy_after == pytest.approx(1 / 4)  # the means are 0.5, 0.45, 0.55 and 0.525; a tie is the first


def test_the_matrix_is_over_what_every_network_reads_and_the_sources_fell_for():
    assert matrix_rows(CELL) == [
        MatrixRow("all but u", "he", "seen", 3, pytest.approx(2 / 3)),  # images 1, 3 and 6
        MatrixRow("all but u", "he", "u", 2, 1 / 2),  # images 1 and 3, of which it misreads the first
    ]


def test_the_matrix_of_a_single_source_tests_on_all_others():
    assert matrix_rows(SINGLE) == [
        MatrixRow("a", "he", "seen", 3, pytest.approx(2 / 3)),
        MatrixRow("a", "he", "b", 2, 0),
        MatrixRow("a", "he", "u", 2, 1 / 2),
    ]


def test_without_an_attacked_image_there_is_nothing_to_share():
    none = replace(CELL, status=(Status.SKIPPED, Status.INFEASIBLE) * 3, quality={"ssim": NAN, "psnr": NAN})
    for row in transfer_rows(none):
        assert row.images == 0
        assert all(isnan(value) for value in row[5:])
    assert [(row.images, isnan(row.asr)) for row in matrix_rows(none)] == [(0, True)] * 2


def test_where_no_source_was_fooled_others_were_not_tested():
    failed = tuple(Status.FAILED if status is Status.SUCCESS else status for status in CELL.status)
    seen, unseen = matrix_rows(replace(CELL, status=failed))
    assert (seen.images, seen.asr) == (3, 0)
    assert unseen.images == 0
    assert isnan(unseen.asr)


def test_a_wide_table_keeps_the_order_and_marks_what_is_missing():
    rows = [("one", "x", 1.0), ("one", "z", 2.0), ("two", "y", 3.0), ("two", "x", 4.0)]
    lines, columns, values = wide(rows, ("y", "absent", "x"))
    assert (lines, columns) == (["one", "two"], ["y", "x", "z"])
    np.testing.assert_equal(values, [[NAN, 1, 2], [3, 4, NAN]])
    assert wide(rows)[1] == ["x", "z", "y"]
    assert wide([]) == ([], [], [])


def picture(path):
    with Image.open(path) as file:
        assert file.format == "PNG"
        return np.array(file.convert("RGB"))


def matrix(share):
    return [
        MatrixRow("one", "he", "seen", 9, 0.0),
        MatrixRow("one", "he", "two", 9, share),
        MatrixRow("two", "he", "seen", 9, 0.0),
        MatrixRow("two", "he", "one", 0, NAN),
    ]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("share", "red"), [(1.0, True), (0.0, False)])
def test_the_picture_of_the_matrix_is_red_where_marks_transfer(tmp_path, share, red):
    draw_matrix(tmp_path / "m.png", matrix(share), ["seen", "one", "two"])
    pixels = picture(tmp_path / "m.png")
    assert min(pixels.shape[:2]) > 150
    full = np.abs(pixels.astype(int) - DARKEST_RED).max(2) < 3
    assert (full.mean() > 0.02) == red
    if red:  # the last column of the first row
        rows, columns = full.nonzero()
        assert columns.min() > pixels.shape[1] / 2
        assert rows.max() < pixels.shape[0] / 2


@pytest.mark.filterwarnings("error")
def test_a_matrix_in_which_nothing_was_tested_is_still_drawn(tmp_path):
    draw_matrix(tmp_path / "m.png", [MatrixRow("one", "he", "seen", 0, NAN)])
    assert picture(tmp_path / "m.png").std() > 0


def left_out(after):
    row = transfer_rows(CELL)[0]
    return [
        row._replace(sources=f"all but {name}", target=name, role="unseen", search=search, accuracy_after=after)
        for name in ("one", "two")
        for search in ("random", "he")
    ]


@pytest.mark.filterwarnings("error")
def test_bars_of_the_left_out_models_are_as_high_as_their_accuracy(tmp_path):
    blue, orange, areas = (0, 114, 178), (213, 94, 0), []
    for after in (0.25, 0.75):
        draw_leave_one_out(tmp_path / "a.png", left_out(after))
        pixels = picture(tmp_path / "a.png")
        rows = (pixels == blue).all(2).any(1), (pixels == orange).all(2).any(1)
        areas.append([(pixels[100:] == colour).all(2).sum() for colour in (blue, orange)])
        assert all(found.any() for found in rows)
    assert areas[1][0] / areas[0][0] == pytest.approx(3, rel=0.1)
    assert areas[1][1] / areas[0][1] == pytest.approx(3, rel=0.1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("models", "searches"), [(1, 9), (3, 9), (7, 1)])
def test_bars_have_room_however_many_they_are(tmp_path, models, searches):
    (row,) = [row for row in transfer_rows(CELL) if row.target == "u"]
    rows = [row._replace(target=f"model {m}", search=f"search {s}") for m in range(models) for s in range(searches)]
    draw_leave_one_out(tmp_path / "a.png", rows)
    blue = (picture(tmp_path / "a.png")[200:] == (0, 114, 178)).all(2).any(0)
    assert blue.sum() > 8 * models


@pytest.mark.filterwarnings("error")
def test_models_without_an_attacked_image_are_drawn_without_a_bar(tmp_path):
    rows = [TransferRow(*row[:5], *(NAN,) * (len(row) - 5)) for row in left_out(0.5)]
    draw_leave_one_out(tmp_path / "a.png", rows)
    assert picture(tmp_path / "a.png").std() > 0


def test_a_file_in_the_way_of_a_picture_is_an_error_of_one_line(tmp_path):
    (tmp_path / "run").write_text("mine")
    for draw, rows in ((draw_matrix, matrix(1.0)), (draw_leave_one_out, left_out(0.5))):
        with pytest.raises(RunError, match=r"\A.*run.*\Z"):
            draw(tmp_path / "run" / "a.png", rows)
