"""Overlap, average precision and found lesions against scikit-learn, scipy and loops."""

import numpy as np
import pytest
import torch
from scipy.ndimage import label
from sklearn.metrics import average_precision_score, f1_score, jaccard_score

from miad.measures import SegmentationScores, average_precision, overlap, precision_recall

KINDS = ("soft exudates", "haemorrhages")


def some_images(count=3, shape=(14, 11), seed=0, kinds=2):
    """Masks of blobs, and probabilities that know something of them."""
    generator = torch.Generator().manual_seed(seed)
    masks = torch.rand(count, kinds, *shape, generator=generator) > 0.8
    noise = torch.rand(masks.shape, generator=generator)
    return (0.5 * noise + 0.35 * masks + 0.1 * noise.roll(1, -1)).clamp(0, 1), masks


def scores_of(probabilities, masks, kinds=KINDS, batch=2):
    scores = SegmentationScores(kinds)
    for own in zip(probabilities.split(batch), masks.split(batch), strict=True):
        scores.update(*own)
    return {name: float(value) for name, value in scores.compute().items()}


def by_kind(part, kind):
    return part[:, kind].flatten().numpy()


def test_overlap_and_precision_agree_with_scikit_learn():
    probabilities, masks = some_images()
    found = scores_of(probabilities, masks)
    for kind, name in enumerate(("soft_exudates", "haemorrhages")):
        truth, p = by_kind(masks, kind), by_kind(probabilities, kind)
        assert found[f"dice/{name}"] == pytest.approx(f1_score(truth, p >= 0.5))
        assert found[f"iou/{name}"] == pytest.approx(jaccard_score(truth, p >= 0.5))
        assert found[f"average_precision/{name}"] == pytest.approx(average_precision_score(truth, p), abs=1e-3)


def test_the_mean_is_over_the_kinds():
    found = scores_of(*some_images())
    for name in ("dice", "iou", "average_precision", "lesion_recall"):
        kinds = [found[f"{name}/soft_exudates"], found[f"{name}/haemorrhages"]]
        assert found[name] == pytest.approx(np.mean(kinds))
        assert kinds[0] != kinds[1]


def test_one_kind_is_not_told_twice():
    probabilities, masks = some_images(kinds=1)
    assert scores_of(probabilities, masks, ("lesion",)).keys() == {"dice", "iou", "average_precision", "lesion_recall"}


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_batches_do_not_matter(batch):
    images = some_images(5)
    assert scores_of(*images, batch=batch) == pytest.approx(scores_of(*images, batch=3))


def test_processes_add_up_to_the_whole():
    probabilities, masks = some_images(6)
    parts = [SegmentationScores(KINDS), SegmentationScores(KINDS)]
    for part, metric in enumerate(parts):
        metric.update(probabilities[part::2], masks[part::2])
    parts[0].merge_state(parts[1])
    found = {name: float(value) for name, value in parts[0].compute().items()}
    assert found == pytest.approx(scores_of(probabilities, masks))


def test_memory_does_not_grow():
    scores = SegmentationScores(KINDS)
    sizes = []
    for _ in range(3):
        scores.update(*some_images())
        sizes.append([getattr(scores, name).shape for name in scores._defaults])
    assert sizes[0] == sizes[2]


def found_by_loop(predicted, mask):
    numbers, count = label(mask, np.ones((3, 3)))
    return sum(predicted[numbers == n].mean() >= 0.5 for n in range(1, count + 1)), count


@pytest.mark.parametrize("seed", range(5))
def test_regions_are_counted_as_a_loop_counts_them(seed):
    probabilities, masks = some_images(1, (23, 19), seed)
    own = overlap(probabilities[0], masks[0])
    expected = [found_by_loop(p.numpy() >= 0.5, m.numpy()) for p, m in zip(probabilities[0], masks[0], strict=True)]
    assert list(zip(own.found.tolist(), own.lesions.tolist(), strict=True)) == expected
    assert max(count for _, count in expected) > 3


def test_corners_connect_and_half_a_lesion_is_enough():
    mask = torch.zeros(1, 6, 6, dtype=torch.bool)
    for y, x in ((0, 0), (1, 1), (4, 4), (4, 5), (5, 4), (5, 5)):
        mask[0, y, x] = True
    predicted = torch.zeros(1, 6, 6)
    predicted[0, 1, 1] = predicted[0, 4, 4] = 0.5  # one of two pixels, one of four
    own = overlap(predicted, mask)
    assert (own.lesions.tolist(), own.found.tolist()) == ([2], [1])
    assert (own.both.tolist(), own.predicted.tolist(), own.true.tolist()) == ([2], [2], [6])
    assert (float(own.dice), float(own.iou), float(own.lesion_recall)) == pytest.approx((0.5, 1 / 3, 0.5))


def test_a_kind_that_is_nowhere_counts_for_nothing():
    probabilities, masks = some_images()
    masks[:, 1] = False
    probabilities[:, 1] = 0.1
    found = scores_of(probabilities, masks)
    assert all(
        np.isnan(found[f"{name}/haemorrhages"]) for name in ("dice", "iou", "average_precision", "lesion_recall")
    )
    assert found["dice"] == pytest.approx(found["dice/soft_exudates"])
    assert found["average_precision"] == pytest.approx(found["average_precision/soft_exudates"])


def test_perfect_and_hopeless_predictions_have_the_values_of_the_book():
    _, masks = some_images()
    best = scores_of(masks.float(), masks)
    assert set(best.values()) == {1.0}
    worst = scores_of((~masks).float(), masks)
    assert worst["dice"] == worst["iou"] == worst["lesion_recall"] == 0
    flat = scores_of(torch.full(masks.shape, 0.3), masks)
    assert flat["average_precision/haemorrhages"] == pytest.approx(float(masks[:, 1].float().mean()))


def test_the_curve_falls_from_the_highest_score():
    precision, recall = precision_recall(torch.tensor([1, 0, 2]), torch.tensor([3, 1, 0]))
    assert precision.tolist() == pytest.approx([1, 2 / 3, 3 / 7])
    assert recall.tolist() == pytest.approx([2 / 3, 2 / 3, 1])
    area = average_precision(torch.tensor([1, 0, 2]), torch.tensor([3, 1, 0]))
    assert float(area) == pytest.approx(2 / 3 + 1 / 3 * 3 / 7)


@pytest.mark.parametrize("place", [-12, -6, 0, 6, 12])
def test_average_precision_is_as_fine_where_all_are_nearly_sure(place):
    masks = torch.rand(1, 1, 60, 60, generator=torch.Generator().manual_seed(0)) > 0.98
    odds = torch.randn(masks.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + masks
    probabilities = (odds + place).sigmoid()
    found = scores_of(probabilities, masks, ("lesion",))["average_precision"]
    assert found == pytest.approx(average_precision_score(masks.flatten(), odds.flatten()), abs=1e-3)
