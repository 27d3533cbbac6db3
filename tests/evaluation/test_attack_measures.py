"""The closing measures of an attack on four images, worked out by hand."""

from math import inf, isnan

import numpy as np
import pytest

from miad.evaluation import attack_measures
from miad.search import Status
from miad.tasks import Entry

TARGETS = ["a", "b", "unseen"]
WEIGHTS = [0.75, 0.25]


def entry(status, label, queries, before, after, quality, file="1.png", lesion=(2.0, 0, True, -1, 0, 0)):
    """An entry from each target's probability of the first of two classes."""
    pairs = ([[first, 1 - first] for first in part] for part in (before, after))
    return Entry("1", file, label, status, queries, 0, 0, 150, 0, *lesion, *pairs, *quality, 0.0)


SUCCESS = entry(Status.SUCCESS, 0, 3, (0.9, 0.8, 0.7), (0.4, 0.3, 0.6), (0.9, 30.0, 4.0))
FAILED = entry(Status.FAILED, 1, 7, (0.2, 0.1, 0.6), (0.3, 0.6, 0.9), (0.8, 40.0, 6.0))
SKIPPED = entry(Status.SKIPPED, 1, 1, (0.6, 0.1, 0.2), (0.7, 0.2, 0.3), (0.4, 10.0, 50.0))
INFEASIBLE = entry(Status.INFEASIBLE, 0, 1, (0.95, 0.85, 0.75), (0.95, 0.85, 0.75), (1.0, inf, 0.0), file="")
ENTRIES = [SUCCESS, FAILED, SKIPPED, INFEASIBLE]


@pytest.fixture
def measures():
    return attack_measures(ENTRIES, TARGETS, WEIGHTS, 2.0)


def test_every_image_is_counted_by_what_became_of_it(measures):
    names = ("images", "attacked", "success", "failed", "skipped", "infeasible")
    assert [measures[name] for name in names] == [4, 2, 1, 1, 1, 1]


def test_effort_and_success_are_over_the_attacked_images(measures):
    names = ("success_rate", "queries_mean", "queries_median", "queries_max")
    assert [measures[name] for name in names] == [0.5, 5, 5, 7]
    assert measures["queries_p90"] == pytest.approx(np.quantile([3, 7], 0.9))


def test_quality_is_over_the_attacked_images(measures):
    assert [measures[name] for name in ("ssim", "psnr", "rmse")] == pytest.approx([0.85, 35, 5])


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("a", 0.5),  # misreads the first
        ("b", 1.0),  # misreads both
        ("unseen", 0.0),  # never read the second
        ("ensemble", 0.5),  # 0.375 and 0.375 of the first class
    ],
)
def test_a_target_is_fooled_where_it_read_correctly_before(measures, name, rate):
    assert measures[f"asr/{name}"] == rate


@pytest.mark.parametrize(
    ("name", "attacked", "everyone"),
    [
        ("a", (1.0, 0.5), (0.75, 0.5)),
        ("b", (1.0, 0.0), (1.0, 0.5)),
        ("unseen", (0.5, 0.5), (0.75, 0.75)),
        ("ensemble", (1.0, 0.5), (1.0, 0.5)),
    ],
)
def test_accuracy_is_over_the_attacked_and_over_all(measures, name, attacked, everyone):
    assert (measures[f"accuracy_before/{name}"], measures[f"accuracy_after/{name}"]) == attacked
    assert (measures[f"accuracy_before_all/{name}"], measures[f"accuracy_after_all/{name}"]) == everyone


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("auc_micro_before/a", 1.0),  # right 0.9 0.8, wrong 0.1 0.2
        ("auc_micro_after/a", 0.75),  # right 0.4 0.7, wrong 0.6 0.3: three pairs of four in order
        ("auc_micro_after/b", 0.0),  # right 0.3 0.4, wrong 0.7 0.6
        ("auc_macro_after/a", 1.0),  # 0.4 of the first class stands above 0.3
        ("auc_macro_after/unseen", 0.0),  # 0.6 stands below 0.9
        ("auc_macro_before_all/a", 1.0),  # 0.9 0.95 above 0.2 0.6
        ("auc_macro_after_all/a", 0.75),  # of 0.4 0.95 against 0.3 0.7, only 0.4 and 0.7 are out of order
    ],
)
def test_auc_is_the_share_of_pairs_in_order(measures, measure, value):
    assert measures[measure] == pytest.approx(value)


def test_a_single_source_is_no_ensemble():
    assert not any("ensemble" in name for name in attack_measures(ENTRIES, TARGETS, [1.0], 2.0))


@pytest.mark.parametrize("entries", [[SKIPPED, INFEASIBLE], []])
def test_without_an_attacked_image_its_measures_are_nan(entries):
    measures = attack_measures(entries, TARGETS, WEIGHTS, 2.0)
    names = (
        "success_rate",
        "queries_mean",
        "queries_median",
        "queries_p90",
        "queries_max",
        "asr/a",
        "accuracy_after/unseen",
        "auc_micro_before/ensemble",
    )
    assert all(isnan(measures[name]) for name in names)
    assert measures["images"] == len(entries)


def test_a_target_that_read_nothing_has_no_success_rate():
    assert isnan(attack_measures([FAILED], TARGETS, WEIGHTS, 2.0)["asr/unseen"])


def test_an_unchanged_image_does_not_make_the_mean_psnr_infinite():
    unchanged = entry(Status.FAILED, 0, 2, (0.9, 0.9, 0.9), (0.9, 0.9, 0.9), (1.0, inf, 0.0))
    assert attack_measures([FAILED, unchanged], TARGETS, WEIGHTS, 2.0)["psnr"] == 40


def marked(*lesion, file="1.png"):
    return entry(Status.SUCCESS, 0, 3, (0.9,) * 3, (0.4,) * 3, (0.9, 30.0, 4.0), file, lesion)


def test_lesions_are_counted_where_a_mask_is_given():
    entries = [
        marked(2.0, 0, True, 40, 7, 30),
        marked(2.0, 0, True, 10, 0, 0),
        marked(2.0, 0, True, 0, 0, 0),  # an empty mask holds nothing that could be caught
        marked(2.0, 0, True, -1, 0, 0),
    ]
    measures = attack_measures(entries, TARGETS, WEIGHTS, 2.0)
    assert measures["without_mask"] == 1
    assert (measures["lesions_covered"], measures["lesion_pixels_covered"]) == (1, 7)
    assert measures["lesion_caught"] == pytest.approx(0.375)


def test_what_gave_way_is_counted_on_marked_images():
    gave_way = [marked(2.5, 0, True, -1, 0, 0), marked(2.0, 16, True, -1, 0, 0)]
    others = [marked(2.0, 0, True, -1, 0, 0), marked(4.0, 48, True, -1, 0, 0, file="")]
    assert attack_measures([*gave_way, *others], TARGETS, WEIGHTS, 2.0)["gave_way"] == 2
