"""Trained-looking runs without training: tiny networks with fixed random weights, saved as `miad fit` saves them."""

import csv
from concurrent.futures import wait
from contextlib import contextmanager

import pytest
import torch

from miad.commands.run import Run
from miad.data import Phantom
from miad.data.phantom.images import draw_phantom
from miad.keys import open_key, own_identity
from miad.models import build_remover
from miad.tasks import ClassifierTask, MarkingWriter, RemoverTask

CLASSES = ["glioma", "meningioma", "pituitary"]


def save_run(folder, seed, classes=CLASSES, size=32, backbone="test_resnet"):
    torch.manual_seed(seed)
    task = ClassifierTask(list(classes), backbone, size)
    spread_predictions(task.network)
    (folder / "checkpoints").mkdir(parents=True)
    state = {"hyper_parameters": dict(task.hparams), "state_dict": task.state_dict()}
    torch.save(state, folder / "checkpoints" / "best.ckpt")
    return folder


def save_remover(folder, name, width, seed=0):
    """A remover of random weights, as `miad fit remover` saves it."""
    torch.manual_seed(seed)
    task = RemoverTask(build_remover(name, width))
    (folder / "checkpoints").mkdir(parents=True)
    state = {"hyper_parameters": dict(task.hparams), "state_dict": task.state_dict()}
    torch.save(state, folder / "checkpoints" / "best.ckpt")
    return folder


@torch.no_grad()
def spread_predictions(network):
    """Scale and shift a random network's logits so that it tells drawn images apart, if not by their labels."""
    drawn = [torch.from_numpy(draw_phantom("brain", 48, 9, index).pixels) for index in range(24)]
    logits = network.eval()(torch.stack([image.expand(3, -1, -1) for image in drawn]))
    head = network.backbone.get_classifier()
    head.weight *= (2 / logits.std(0))[:, None]
    head.bias.copy_((head.bias - logits.mean(0)) * 2 / logits.std(0))


@pytest.fixture(scope="session")
def zoo(tmp_path_factory):
    """Three classifiers that differ, as folders of runs."""
    root = tmp_path_factory.mktemp("zoo")
    return [save_run(root / name, seed) for seed, name in enumerate(("one", "two", "three"))]


@pytest.fixture
def phantom():
    """A function that makes the same 20 small slices each time."""
    return lambda: Phantom("brain", 48, train=0, val=0, test=20)


@pytest.fixture
def make_run(tmp_path):
    """A function that makes a quiet run below the test's folder."""

    def make(name="run", root=tmp_path):
        return Run(name, root, accelerator="cpu", wandb="off", progress=False)

    return make


@pytest.fixture
def shown(monkeypatch, request):
    """The closing tables of the module that the test is named after, which are kept off the terminal."""
    tables = []
    module = request.module.__name__.replace("tests.", "miad.", 1).replace(".test_", ".")
    monkeypatch.setattr(f"{module}.show_table", lambda *table: tables.append(table))
    return tables


def tree(folder):
    """Every file of a run but its logs, by relative name."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    named = {path.relative_to(folder).as_posix(): contents(path) for path in files}
    return {name: data for name, data in named.items() if not name.startswith(("logs/", "wandb/"))}


def contents(path):
    """A file's bytes; of a key what is in it, since age encrypts nothing twice alike; of an identity nothing."""
    if path.suffix == ".identity":
        return b"an identity"
    if path.suffix != ".miadkey" or not own_identity(path).is_file():
        return path.read_bytes()
    with open_key(path) as key:
        records = b"".join(record.to_bytes() for record in key.records.values())
        return records + "".join(sorted(key.renderings)).encode()


@contextmanager
def going_down_half_way():
    """The attack inside ends with its first batch after one that was booked, and leaves a file that was not."""
    original = MarkingWriter.write_on_batch_end

    def stop(self, trainer, task, prediction, *arguments):
        if prediction and self.journal.images():
            self._write(prediction[0], None)
            raise OSError("the machine goes down")
        original(self, trainer, task, prediction, *arguments)
        wait(self._pending)  # what threads have finished by the next batch would be chance
        original(self, trainer, task, [], *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MarkingWriter, "write_on_batch_end", stop)
        with pytest.raises(OSError, match="goes down"):
            yield


def quiet(name, root, **options):
    run = Run(name, root, accelerator="cpu", wandb="off", progress=False, **options)
    run.quiet = True
    return run


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def measures(folder):
    return {row["measure"]: float(row["value"]) for row in read(folder / "metrics.csv")}


def assert_agree(shown, numbers):
    """What a table shows is what its file holds, to the digits that the table has."""
    assert len(shown) == len(numbers)
    for text, number in zip(shown, numbers, strict=True):
        assert number > 0
        assert float(text) == pytest.approx(number, abs=0.51 * 10 ** -len(text.partition(".")[2]))
