"""Removers come back as they were saved, training starts from runs and published weights, and nothing else is taken."""

from itertools import permutations

import pytest
import torch

from miad.errors import InputError
from miad.models import (
    build_remover,
    load_classifier,
    load_public,
    load_remover,
    start_remover,
)
from miad.tasks import ClassifierTask, RemoverTask, SegmenterTask

from .published import published

NAMES = ("wdnet", "splitnet", "bvmr", "slbr")
LOADS = {"load": load_remover, "start": lambda path: start_remover("wdnet", 4, path)}

every_network = pytest.mark.parametrize("name", NAMES)
every_way = pytest.mark.parametrize("use", LOADS.values(), ids=LOADS)


def a_task(name, width=4, stage="pretrain"):
    """A task whose batch norms have counted."""
    torch.manual_seed(1)
    task = RemoverTask(build_remover(name, width), stage=stage)
    with torch.no_grad():
        for key, buffer in task.network.named_buffers():
            if key.endswith(("running_mean", "running_var")):
                buffer += 0.2 * torch.rand(buffer.shape)
    return task


def save(path, task, **changes):
    """As Lightning does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"hyper_parameters": dict(task.hparams), "state_dict": task.state_dict()} | changes, path)
    return path


def images():
    return torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))


def assert_same(network, other):
    """In evaluation mode they answer the same."""
    with torch.no_grad():
        found, expected = (each.eval()(images()) for each in (network, other))
    assert torch.equal(found.image, expected.image)
    assert torch.equal(found.mask, expected.mask)
    assert found.aux.keys() == expected.aux.keys()
    assert all(torch.equal(found.aux[key], expected.aux[key]) for key in found.aux)


def assert_same_state(network, other):
    own, their = network.state_dict(), other.state_dict()
    assert own.keys() == their.keys()
    assert all(torch.equal(own[key], their[key]) for key in own)


def assert_asks_for_gradients(network):
    """Whatever was frozen when it was saved, but not what no answer depends on."""
    assert all(parameter.requires_grad != (".unused." in key) for key, parameter in network.named_parameters())


@every_network
@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_a_remover_comes_back_as_it_was_saved(tmp_path, name, stage):
    task = a_task(name, stage=stage)
    loaded = load_remover(save(tmp_path / "a.ckpt", task))
    assert type(loaded) is type(task.network)
    assert (loaded.base_channels, loaded.published) == (4, False)
    assert not any(module.training for module in loaded.modules())
    assert_asks_for_gradients(loaded)
    assert_same(loaded, task.network)


@every_network
def test_hyperparameters_are_plain(name):
    task = a_task(name, 2, "finetune")
    expected = {"network": name, "base_channels": 2, "published": False, "stage": "finetune"}
    assert dict(task.hparams) == expected


@every_network
@pytest.mark.parametrize("form", ["checkpoint", "run"])
def test_training_starts_from_a_run_and_from_its_checkpoint(tmp_path, name, form):
    task = a_task(name)
    path = save(tmp_path / "net" / "checkpoints" / "best.ckpt", task)
    network = start_remover(name, 4, tmp_path / "net" if form == "run" else path)
    assert_asks_for_gradients(network)
    assert_same_state(network, task.network)
    assert_same(network, task.network)


@every_network
def test_without_weights_training_starts_from_random_ones(name):
    torch.manual_seed(5)
    network = start_remover(name, 4, None)
    torch.manual_seed(5)
    assert_same_state(network, build_remover(name, 4))
    assert network.published is False


@pytest.mark.parametrize(("name", "form"), [("wdnet", "plain"), ("wdnet", "module"), ("splitnet", "wrapped")])
def test_training_starts_from_published_weights(tmp_path, name, form):
    state = published(name)
    if form == "module":
        state = {f"module.{key}": value for key, value in state.items()}
    wrapped = {"epoch": 27, "arch": "vvv4n", "state_dict": state, "best_acc": 41.3, "optimizer": None}
    torch.save(wrapped if form == "wrapped" else state, tmp_path / "public.pth.tar")
    network = start_remover(name, None, tmp_path / "public.pth.tar")
    assert_same_state(network, load_public(name, state))
    assert network.published is (name == "splitnet")
    assert RemoverTask(network, stage="finetune").hparams["published"] is network.published


@pytest.mark.parametrize("flag", [True, False])
def test_oddities_of_published_weights_are_kept_from_run_to_run(tmp_path, flag):
    torch.manual_seed(0)
    network = build_remover("splitnet", 4, published=flag)
    for number in range(2):
        path = save(tmp_path / f"{number}.ckpt", RemoverTask(network, stage="finetune"))
        assert load_remover(path).published is flag
        assert_same(load_remover(path), network)
        again = start_remover("splitnet", 4, path)
        assert again.published is flag
        assert_same(again, network)
        network = again
    other = build_remover("splitnet", 4, published=not flag)
    other.load_state_dict(network.state_dict())
    assert not torch.equal(other.eval()(images()).image, network.eval()(images()).image)


@pytest.mark.parametrize(("name", "other"), list(permutations(NAMES, 2)))
def test_another_network_s_run_is_refused(tmp_path, name, other):
    path = save(tmp_path / "a.ckpt", a_task(other))
    words = (
        r"\A\S*a\.ckpt: \d+ of \d+ tensors do not fit; \S+ expected \(.*, found .*: another network or base_channels\Z"
    )
    with pytest.raises(InputError, match=words):
        start_remover(name, 4, path)


@every_network
def test_without_a_width_a_run_s_own_is_taken(tmp_path, name):
    assert start_remover(name, None, save(tmp_path / "a.ckpt", a_task(name))).base_channels == 4


@every_network
def test_a_run_of_another_width_is_refused_naming_both_shapes(tmp_path, name):
    path = save(tmp_path / "a.ckpt", a_task(name))
    words = r"\A\S*a\.ckpt: \d+ of \d+ tensors do not fit; \S+ expected \(\d+, 3, 3, 3\), found \(4, 3, 3, 3\): .*"
    with pytest.raises(InputError, match=words + r"base_channels\Z"):
        start_remover(name, 8, path)


def test_published_weights_of_another_width_than_asked_are_refused(tmp_path):
    torch.save(published("wdnet"), tmp_path / "public.pth")
    with pytest.raises(InputError, match=r"\A\S*public\.pth: [^\n]*base_channels[^\n]*\Z"):
        start_remover("wdnet", 4, tmp_path / "public.pth")


def test_published_weights_of_the_width_that_is_asked_for_are_taken(tmp_path):
    torch.save(published("wdnet"), tmp_path / "public.pth")
    assert start_remover("wdnet", 64, tmp_path / "public.pth").base_channels == 64


def test_published_weights_of_another_network_are_refused(tmp_path):
    torch.save(published("wdnet"), tmp_path / "public.pth")
    words = r"\A\S*public\.pth: expected the 371 tensors of bvmr, found 192: \S+ is missing [^\n]*\Z"
    with pytest.raises(InputError, match=words):
        start_remover("bvmr", None, tmp_path / "public.pth")


@pytest.mark.parametrize("change", [{"network": "bvmr"}, {"base_channels": 8}])
def test_a_checkpoint_that_contradicts_itself_is_refused(tmp_path, change):
    task = a_task("wdnet")
    path = save(tmp_path / "a.ckpt", task, hyper_parameters={**task.hparams, **change})
    with pytest.raises(InputError, match=r"\A[^\n]* tensors do not fit; [^\n]*: another network or base_channels\Z"):
        load_remover(path)


def test_weights_that_are_missing_are_counted(tmp_path):
    task = a_task("wdnet")
    state = task.state_dict()
    del state["network.heads.mask.bias"]
    path = save(tmp_path / "a.ckpt", task, state_dict=state)
    words = r"\A\S*a\.ckpt: 1 of 192 tensors do not fit; heads\.mask\.bias expected \(1,\), found nothing: "
    for use in LOADS.values():
        with pytest.raises(InputError, match=words):
            use(path)


@every_way
@pytest.mark.parametrize("other", ["classifier", "segmenter"])
def test_another_task_s_checkpoint_is_refused(tmp_path, use, other):
    if other == "classifier":
        task = ClassifierTask(backbone="test_resnet", classes=["x", "y"], size=32)
    else:
        task = SegmenterTask(["a"], encoder="tu-test_resnet", size=48, tile=32, width=16)
    path = save(tmp_path / "a.ckpt", task)
    words = rf"\A\S*a\.ckpt: expected a checkpoint of 'miad fit remover', found one of 'miad fit {other}'\Z"
    with pytest.raises(InputError, match=words):
        use(path)


def test_a_remover_is_no_classifier(tmp_path):
    path = save(tmp_path / "a.ckpt", a_task("bvmr", 2))
    words = r"\A\S*a\.ckpt: expected a checkpoint of 'miad fit classifier', found one of 'miad fit remover'\Z"
    with pytest.raises(InputError, match=words):
        load_classifier(path)


def test_published_weights_are_no_run(tmp_path):
    torch.save({"outa.conv.bias": torch.zeros(1)}, tmp_path / "public.pth")
    words = r"\A\S*public\.pth: expected a checkpoint of 'miad fit remover', found none of its options\Z"
    with pytest.raises(InputError, match=words):
        load_remover(tmp_path / "public.pth")


@every_way
def test_an_absent_file_names_the_way_out(tmp_path, use):
    with pytest.raises(InputError, match=r"\A\S*a\.ckpt: no such checkpoint; train one with 'miad fit remover'\Z"):
        use(tmp_path / "a.ckpt")


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"\A\S*: expected the folder of a trained run, found no checkpoints/best"):
        start_remover("wdnet", 4, tmp_path)


@every_way
@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 broken"])
def test_a_file_of_something_else_is_refused(tmp_path, use, content):
    (tmp_path / "a.ckpt").write_bytes(content)
    with pytest.raises(
        InputError, match=r"\A\S*a\.ckpt: expected a checkpoint, found a file that torch can not load\Z"
    ):
        use(tmp_path / "a.ckpt")


@every_way
@pytest.mark.parametrize(
    "content",
    [
        [1, 2],
        {},
        {1: 2},
        {"weights": torch.zeros(2)},
        {"state_dict": [1]},
        {"state_dict": {}, "hyper_parameters": {"depth": 3}},
        {"hyper_parameters": {"network": "wdnet", "base_channels": 4, "published": False}},
    ],
    ids=["list", "empty", "numbers", "weights", "no names", "other options", "no weights"],
)
def test_what_torch_can_load_and_is_no_checkpoint_is_refused(tmp_path, use, content):
    torch.save(content, tmp_path / "a.ckpt")
    with pytest.raises(InputError, match=r"\A\S*a\.ckpt: [^\n]+\Z"):
        use(tmp_path / "a.ckpt")
