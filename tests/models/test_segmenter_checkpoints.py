"""Segmenters come back as they were saved, and no network is taken for another's."""

import pytest
import torch

from miad.errors import InputError
from miad.models import load_classifier, load_segmenter, start_classifier, start_segmenter
from miad.tasks import ClassifierTask, SegmenterTask

OPTIONS = {"encoder": "tu-test_resnet", "kinds": ["a", "b"], "size": 50, "tile": 32, "width": 16}
CLASSIFIER = {"backbone": "test_resnet", "classes": ["x", "y"], "size": 32}


def save(path, task, **changes):
    checkpoint = {"state_dict": task.state_dict(), "hyper_parameters": dict(task.hparams)} | changes
    torch.save(checkpoint, path)
    return path


@pytest.fixture
def task():
    torch.manual_seed(2)
    return SegmenterTask(**OPTIONS).eval()


@pytest.fixture
def segmenter(tmp_path, task):
    return save(tmp_path / "segmenter.ckpt", task)


@pytest.fixture
def classifier(tmp_path):
    return save(tmp_path / "classifier.ckpt", ClassifierTask(**CLASSIFIER))


def assert_same(loaded, task):
    images = torch.randint(0, 256, (1, 3, 32, 64), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    with torch.no_grad():
        assert torch.equal(loaded(images), task.network(images))


def test_a_segmenter_comes_back_as_it_was_saved(segmenter, task):
    loaded = load_segmenter(segmenter)
    assert_same(loaded, task)
    assert (loaded.name, loaded.kinds, loaded.size, loaded.tile, loaded.width) == (
        "tu-test_resnet",
        ("a", "b"),
        50,
        32,
        16,
    )
    assert not any(module.training for module in loaded.modules())


@pytest.mark.parametrize("form", ["checkpoint", "plain"])
def test_training_starts_from_our_checkpoints_and_from_plain_weights(tmp_path, segmenter, task, form):
    if form == "plain":
        torch.save(task.network.state_dict(), segmenter)
    assert_same(start_segmenter(**OPTIONS, weights=segmenter).eval(), task)


@pytest.mark.parametrize("use", [load_segmenter, lambda path: start_segmenter(**OPTIONS, weights=path)])
def test_a_classifier_is_no_segmenter(classifier, use):
    words = "expected a checkpoint of 'miad fit segmenter', found one of 'miad fit classifier'"
    with pytest.raises(InputError, match=rf"\A.*classifier\.ckpt: {words}\Z"):
        use(classifier)


@pytest.mark.parametrize("use", [load_classifier, lambda path: start_classifier(**CLASSIFIER, weights=path)])
def test_a_segmenter_is_no_classifier(segmenter, use):
    words = "expected a checkpoint of 'miad fit classifier', found one of 'miad fit segmenter'"
    with pytest.raises(InputError, match=rf"\A.*segmenter\.ckpt: {words}\Z"):
        use(segmenter)


@pytest.mark.parametrize("change", [{"kinds": ["a"]}, {"encoder": "tu-test_efficientnet"}, {"width": 32}])
def test_weights_that_do_not_fit_say_what_may_differ(tmp_path, task, change):
    path = save(tmp_path / "a.ckpt", task, hyper_parameters={**task.hparams, **change})
    with pytest.raises(InputError, match=r"\A.* tensors do not fit; .*: another encoder, width or number of kinds\Z"):
        load_segmenter(path)


def test_a_segmenter_for_grey_channels_is_refused(tmp_path, task):
    state = task.state_dict()
    first = next(name for name, value in state.items() if value.ndim == 4 and value.shape[1] == 3)
    path = save(tmp_path / "a.ckpt", task, state_dict=state | {first: state[first].sum(1, keepdim=True)})
    with pytest.raises(InputError, match=r"\A.* 1 of \d+ tensors do not fit; .* expected \(\d+, 3, .*found \(\d+, 1,"):
        load_segmenter(path)


def test_an_absent_checkpoint_names_the_way_out(tmp_path):
    with pytest.raises(InputError, match=r"\A.*: no such checkpoint; train one with 'miad fit segmenter'\Z"):
        load_segmenter(tmp_path / "a.ckpt")


def test_a_checkpoint_of_something_else_is_refused_in_one_line(tmp_path, task):
    path = save(tmp_path / "a.ckpt", task, hyper_parameters={"depth": 3})
    with pytest.raises(InputError, match=r"\A.*a checkpoint of 'miad fit segmenter', found none of its options\Z"):
        load_segmenter(path)


def test_weights_of_another_encoder_are_named_with_their_file(tmp_path):
    torch.save({"layer.weight": torch.zeros(2)}, tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"\A.*w\.pt: the weights do not fit tu-test_resnet \(.*\Z"):
        start_segmenter(**OPTIONS, weights=tmp_path / "w.pt")
