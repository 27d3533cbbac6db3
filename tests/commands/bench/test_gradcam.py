"""The bench of Grad-CAM measures what it says; how fast it is, no test asks."""

import json
import time

import pytest

from miad.commands.bench import gradcam as bench_module
from miad.commands.bench.gradcam import gradcam
from miad.errors import InputError
from miad.lesions import GradCam
from miad.models import Classifier

from ..conftest import assert_agree, save_run


def test_the_table_and_the_file_agree(zoo, shown, tmp_path):
    gradcam(f"{zoo[0]},{zoo[1]}", batch_size=3, repeats=2, json=tmp_path / "speed.json")
    ((title, header, rows),) = shown
    numbers = json.loads((tmp_path / "speed.json").read_text())
    assert title == f"batches of 3, medians of 2; memory of the {numbers['memory_of']}"
    assert header == ("", "images/s", "of bare", "of one by one", "peak MiB")
    assert [one["model"] for one in numbers["models"]] == ["one", "two"]
    for one, (bare, batched, single) in zip(numbers["models"], (rows[:3], rows[3:]), strict=True):
        assert bare[0] == f"{one['model']} 32x32, bare forward pass"
        assert_agree(
            [row[1] for row in (bare, batched, single)], [one[name] for name in ("forward", "batched", "one_by_one")]
        )
        assert_agree([batched[2], single[2]], [one["batched_of_forward"], one["one_by_one_of_forward"]])
        assert_agree([batched[3]], [one["batched_of_one_by_one"]])
        assert_agree([bare[4], batched[4]], [one["memory_forward"], one["memory"]])


def test_all_three_read_the_same_images(zoo, shown, monkeypatch):
    seen, forward = [], Classifier.forward
    monkeypatch.setattr(Classifier, "forward", lambda self, images: (seen.append(images), forward(self, images))[1])
    monkeypatch.setattr(bench_module, "most_memory", lambda *_: None)
    gradcam(str(zoo[0]), size=40, batch_size=4, repeats=1)
    turn = seen[-6:]  # after the first of each: a batch, a batch, four images
    assert [tuple(images.shape) for images in turn] == 2 * [(4, 3, 40, 40)] + 4 * [(1, 3, 40, 40)]
    assert (turn[0] == turn[1]).all()
    assert all((turn[0][index] == turn[2 + index][0]).all() for index in range(4))


def test_slow_heatmaps_show(zoo, shown, monkeypatch):
    make = GradCam.__call__
    monkeypatch.setattr(GradCam, "__call__", lambda *given: (time.sleep(0.1), make(*given))[1])
    gradcam(str(zoo[0]), batch_size=4, repeats=1)
    ((_, _, (_, batched, single)),) = shown
    assert float(batched[1]) <= 4 / 0.1
    assert float(single[1]) <= 1 / 0.1


def test_options_of_the_heatmaps_are_passed_on(zoo, tmp_path, shown):
    gradcam(str(zoo[0]), batch_size=2, layer="layer1", repeats=1, json=tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["models"][0]["layer"] == "layer1"
    with pytest.raises(InputError, match="share of channels"):
        gradcam(str(zoo[0]), channels=0)


def test_a_classifier_without_feature_maps_is_refused_before_anything_is_timed(zoo, tmp_path, monkeypatch):
    vit = save_run(tmp_path / "vit", 1, backbone="test_vit", size=160)
    monkeypatch.setattr(bench_module, "take_turns", lambda *_: pytest.fail("was timed"))
    with pytest.raises(InputError, match="test_vit has no convolutional feature map"):
        gradcam(f"{zoo[0]},{vit}")


def test_without_classifiers_there_is_nothing_to_measure():
    with pytest.raises(InputError, match="found none; give --models"):
        gradcam(",")
