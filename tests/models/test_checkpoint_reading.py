"""Classifiers come back from checkpoints as they were saved; what is no checkpoint is refused in one line."""

import pickle
from pathlib import Path

import pytest
import timm
import torch
from lightning import Trainer
from safetensors.torch import save_file

from miad.errors import InputError
from miad.models import Classifier, find_checkpoint, load_classifier, start_classifier
from miad.tasks import ClassifierTask

OPTIONS = {"backbone": "test_resnet", "classes": ["x", "y", "z"], "size": 32}


class Mischief:
    """Unpickling this would make a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


GARBAGE = {
    "empty": b"",
    "text": b"hello",
    "csv": b"epoch,loss\n1,0.5\n",
    "git lfs pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "html": b"<!doctype html>",
    "picture": b"\x89PNG\r\n\x1a\n" + bytes(64),
    "zip cut short": b"PK\x03\x04" + bytes(80),
}


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(3)
    return Classifier(**OPTIONS).eval()


@pytest.fixture
def save(tmp_path, network):
    """A function that saves a checkpoint as Lightning lays it out, with changes; None takes an entry away."""

    def save(**changes):
        state = {f"network.{name}": value for name, value in network.state_dict().items()}
        checkpoint = {"state_dict": state, "hyper_parameters": OPTIONS, "epoch": 3} | changes
        torch.save({name: value for name, value in checkpoint.items() if value is not None}, tmp_path / "a.ckpt")
        return tmp_path / "a.ckpt"

    return save


@pytest.fixture
def images():
    return torch.randint(0, 256, (3, 3, 40, 40), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def assert_same(loaded, network, images):
    with torch.no_grad():
        assert torch.equal(loaded(images), network(images))
    assert all(torch.equal(loaded.state_dict()[name], value) for name, value in network.state_dict().items())


def test_a_classifier_comes_back_as_it_was_saved(save, network, images):
    loaded = load_classifier(save())
    assert_same(loaded, network, images)
    assert (loaded.classes, loaded.size) == (("x", "y", "z"), 32)
    assert not any(module.training for module in loaded.modules())


def test_a_checkpoint_of_lightnings_own_trainer_is_read(tmp_path, images):
    task = ClassifierTask(**OPTIONS).eval()
    trainer = Trainer(accelerator="cpu", logger=False, enable_checkpointing=False, enable_model_summary=False)
    trainer.strategy.connect(task)
    trainer.save_checkpoint(tmp_path / "a.ckpt")
    assert_same(load_classifier(tmp_path / "a.ckpt"), task.network, images)


def test_other_tensors_of_a_task_do_not_matter(save, network, images):
    state = {f"network.{name}": value for name, value in network.state_dict().items()}
    assert_same(load_classifier(save(state_dict={**state, "loss.weight": torch.ones(3)})), network, images)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"classes": ["x", "y"]}, r"2 of \d+ tensors do not fit; .* expected \(2, \d+\), found \(3, \d+\)"),
        ({"backbone": "test_vit"}, r"\d+ of \d+ tensors do not fit; .* expected \(.*\), found nothing"),
    ],
)
def test_weights_that_do_not_fit_name_what_was_expected_and_found(save, change, words):
    with pytest.raises(InputError, match=rf"\A.*a\.ckpt: {words}: another backbone, image size or number.*\Z"):
        load_classifier(save(hyper_parameters=OPTIONS | change))


@pytest.mark.parametrize("kind", GARBAGE)
def test_a_file_that_is_no_checkpoint_is_refused_in_one_line(tmp_path, kind):
    path = tmp_path / "a.ckpt"
    path.write_bytes(GARBAGE[kind])
    with pytest.raises(InputError, match=r"\A.*a\.ckpt: expected a checkpoint, found.*\Z"):
        load_classifier(path)


def test_a_checkpoint_cut_short_is_refused_in_one_line(save):
    path = save()
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(InputError, match=r"\A.*a\.ckpt: expected a checkpoint, found.*\Z"):
        load_classifier(path)


def test_a_checkpoint_of_the_old_format_cut_anywhere_is_refused(tmp_path):
    path = tmp_path / "a.ckpt"
    torch.save({"weight": torch.zeros(3)}, path, _use_new_zipfile_serialization=False)
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"\A.*a\.ckpt: expected a checkpoint, found.*\Z"):
            load_classifier(path)


def test_a_checkpoint_runs_no_code(tmp_path):
    path, trace = tmp_path / "a.ckpt", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Mischief(trace), protocol=2))
    torch.save({"hyper_parameters": OPTIONS, "state_dict": Mischief(trace)}, tmp_path / "b.ckpt")
    for file in (path, tmp_path / "b.ckpt"):
        with pytest.raises(InputError):
            load_classifier(file)
    assert not trace.exists()


def test_a_tensor_is_no_checkpoint(tmp_path):
    torch.save(torch.zeros(3), tmp_path / "a.ckpt")
    with pytest.raises(InputError, match=r"\A.*a\.ckpt: expected a checkpoint, found a Tensor\Z"):
        load_classifier(tmp_path / "a.ckpt")


@pytest.mark.parametrize("missing", ["hyper_parameters", "state_dict"])
def test_a_checkpoint_of_something_else_is_refused_in_one_line(save, missing):
    with pytest.raises(InputError, match=r"\A.*a\.ckpt: expected a checkpoint of 'miad fit classifier'.*\Z"):
        load_classifier(save(**{missing: None}))


def test_an_absent_checkpoint_names_the_way_out(tmp_path):
    with pytest.raises(InputError, match=r"\A.*a\.ckpt: no such checkpoint; .*miad fit classifier.*\Z"):
        load_classifier(tmp_path / "a.ckpt")


def test_a_runs_folder_stands_for_its_best_checkpoint(tmp_path):
    best = tmp_path / "run" / "checkpoints" / "best.ckpt"
    best.parent.mkdir(parents=True)
    best.touch()
    assert find_checkpoint(tmp_path / "run") == find_checkpoint(best) == best


def test_a_folder_without_a_checkpoint_is_refused_in_one_line(tmp_path):
    with pytest.raises(InputError, match=r"\A.*folder of a trained run, found no checkpoints/best\.ckpt in it\Z"):
        find_checkpoint(tmp_path)


@pytest.mark.parametrize("form", ["checkpoint", "plain"])
def test_training_starts_from_our_checkpoints_and_from_plain_weights(save, network, images, form):
    path = save()
    if form == "plain":
        torch.save(network.state_dict(), path)
    assert_same(start_classifier(**OPTIONS, weights=path).eval(), network, images)


def test_weights_that_do_not_fit_are_no_start(save, network):
    state = {f"network.{name}": value + 1 for name, value in network.state_dict().items()}
    state.popitem()
    with pytest.raises(InputError, match=r"\A.*1 of \d+ tensors do not fit.* found nothing.*\Z"):
        start_classifier(**OPTIONS, weights=save(state_dict=state))


def test_training_starts_from_a_runs_folder(tmp_path, save, network, images):
    save().rename(tmp_path / "best.ckpt")
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    (tmp_path / "best.ckpt").rename(tmp_path / "run" / "checkpoints" / "best.ckpt")
    assert_same(start_classifier(**OPTIONS, weights=tmp_path / "run").eval(), network, images)


@pytest.mark.parametrize("form", ["pt", "safetensors"])
@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit"])
def test_training_starts_from_published_weights_with_a_head_of_its_own(tmp_path, backbone, form):
    published = timm.create_model(backbone, num_classes=1000)
    path = tmp_path / f"weights.{form}"
    save = save_file if form == "safetensors" else torch.save
    save(published.state_dict(), path)
    size = 32 if backbone == "test_resnet" else 64  # timm fits the position grid of another size
    ours = start_classifier(backbone, ["x", "y", "z"], size, weights=path).backbone
    head = [name for name, value in ours.state_dict().items() if value.shape[:1] == (3,)]
    moved = [*head, *(name for name in ours.state_dict() if "pos_embed" in name)]
    theirs = published.state_dict()
    assert len(head) == 2
    assert all(torch.equal(value, theirs[name]) for name, value in ours.state_dict().items() if name not in moved)


def test_published_weights_of_another_model_are_refused_in_one_line(tmp_path):
    torch.save(timm.create_model("test_efficientnet").state_dict(), tmp_path / "w.pt")
    with pytest.raises(InputError, match=r"\A.*w\.pt: the weights do not fit test_resnet.*\Z"):
        start_classifier(**OPTIONS, weights=tmp_path / "w.pt")


def test_a_damaged_safetensors_file_is_refused_in_one_line(tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"\x00" * 40)
    with pytest.raises(InputError, match=r"\A.*w\.safetensors: expected a checkpoint, found.*\Z"):
        start_classifier(**OPTIONS, weights=tmp_path / "w.safetensors")
