"""The training recipe against formulas, and what a task logs and keeps."""

import math

import numpy as np
import pytest
import torch
from lightning import LightningDataModule, Trainer
from lightning.pytorch.callbacks import Callback
from sklearn.metrics import accuracy_score, roc_auc_score
from torch.utils.data import DataLoader

from miad.errors import InputError
from miad.measures import SCORES
from miad.tasks import ClassifierTask

CLASSES = ["a", "b", "c"]


def a_task(**options):
    torch.manual_seed(0)
    return ClassifierTask(CLASSES, "test_resnet", 32, **options)


class Noise(LightningDataModule):
    """Random images; the labels of both validation passes differ, so that mixing them up would show."""

    def __init__(self, count=10, batch_size=4):
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.images = torch.randint(0, 256, (count, 3, 32, 32), generator=generator, dtype=torch.uint8)
        self.labels = torch.arange(count) % 3
        self.batch_size = batch_size

    def loader(self):
        return DataLoader(list(zip(self.images, self.labels, strict=True)), self.batch_size)

    train_dataloader = val_dataloader = test_dataloader = loader


class Watch(Callback):
    """Learning rates before each step, and the validation numbers of each epoch."""

    def __init__(self):
        self.rates, self.losses, self.scores, self.expected = [], [], [], []

    def on_train_batch_start(self, trainer, task, batch, index):
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(self, trainer, task, outputs, batch, index):
        self.losses.append(float(outputs["loss"]))

    def on_validation_epoch_end(self, trainer, task):
        with torch.no_grad():
            self.expected.append(task.network(trainer.datamodule.images).softmax(1).numpy())

    def on_validation_end(self, trainer, task):
        self.scores.append({name: float(value) for name, value in trainer.callback_metrics.items()})


def train(task, epochs, tmp_path, data=None):
    watch = Watch()
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=[watch],
        default_root_dir=tmp_path,
    )
    trainer.fit(task, datamodule=data or Noise())
    return trainer, watch


@pytest.mark.parametrize(("epochs", "warmup"), [(4, 0.25), (5, 0.1), (3, 0.5)])
def test_the_learning_rate_rises_linearly_and_falls_as_a_cosine(tmp_path, epochs, warmup):
    _, watch = train(a_task(lr=0.01, warmup=warmup), epochs, tmp_path)
    steps = 3 * epochs
    rise = max(1, round(warmup * steps))
    up = [0.01 * (0.01 + 0.99 * step / rise) for step in range(rise)]
    down = [0.005 * (1 + math.cos(math.pi * step / (steps - rise))) for step in range(steps - rise)]
    assert watch.rates == pytest.approx(up + down, rel=1e-4, abs=1e-9)


def test_one_step_of_training_moves_every_weight(tmp_path):
    task = a_task(lr=0.01)
    before = {name: value.clone() for name, value in task.named_parameters()}
    train(task, 1, tmp_path)
    assert all(not torch.equal(before[name], value) for name, value in task.named_parameters())


@pytest.mark.filterwarnings("ignore:.*self.log.*")  # there is no trainer
@pytest.mark.parametrize("loss", ["cross_entropy", "focal"])
def test_the_loss_is_the_mean_over_the_batch(loss):
    task, data = a_task(loss=loss, gamma=1.5), Noise()
    with torch.no_grad():
        p = task.eval()(data.images).double().softmax(1).numpy()[range(10), data.labels]
        found = float(task.training_step((data.images, data.labels), 0))
    weight = (1 - p) ** 1.5 if loss == "focal" else 1
    assert found == pytest.approx(float(np.mean(weight * -np.log(p))), rel=1e-4)


def test_validation_numbers_are_those_of_their_own_epoch(tmp_path):
    data = Noise()
    _, watch = train(a_task(lr=0.01), 3, tmp_path, data)
    labels = data.labels.numpy()
    assert len(watch.scores) == 3
    for scores, probabilities in zip(watch.scores, watch.expected, strict=True):
        truth = np.eye(3)[labels]
        assert scores["val/accuracy"] == pytest.approx(accuracy_score(labels, probabilities.argmax(1)))
        assert scores["val/auc_micro"] == pytest.approx(roc_auc_score(truth.ravel(), probabilities.ravel()), abs=1e-4)
        assert scores["val/auc_macro"] == pytest.approx(roc_auc_score(truth, probabilities), abs=1e-4)
        loss = -np.log(probabilities[range(10), labels]).mean()
        assert scores["val/loss"] == pytest.approx(loss, rel=1e-3)
    assert len({round(scores["val/loss"], 6) for scores in watch.scores}) == 3


def test_every_image_weighs_the_same_whatever_the_batches(tmp_path):
    task = a_task()
    found = []
    for batch_size in (4, 10):
        trainer, _ = train(a_task(), 0, tmp_path)
        found.append(trainer.test(task, datamodule=Noise(10, batch_size), verbose=False)[0])
    assert found[0] == pytest.approx(found[1], abs=1e-5)
    assert found[0].keys() == {"test/loss", *(f"test/{name}" for name in SCORES)}


def test_a_task_starts_from_a_file_and_does_not_remember_where_it_was(tmp_path):
    path = tmp_path / "secret-place" / "w.pt"
    path.parent.mkdir()
    torch.manual_seed(9)
    other = ClassifierTask(CLASSES, "test_resnet", 32)
    torch.save(other.network.state_dict(), path)
    task = a_task(weights=path)
    assert all(torch.equal(task.network.state_dict()[n], v) for n, v in other.network.state_dict().items())
    assert "secret-place" not in str(dict(task.hparams))
    assert "weights" not in task.hparams


def test_hyperparameters_are_plain_and_rebuild_the_task():
    task = a_task(loss="focal", gamma=1.0, lr=0.5, weight_decay=0.25, warmup=0.75)
    assert dict(task.hparams) == {
        "classes": CLASSES,
        "backbone": "test_resnet",
        "size": 32,
        "loss": "focal",
        "gamma": 1.0,
        "lr": 0.5,
        "weight_decay": 0.25,
        "warmup": 0.75,
    }
    again = ClassifierTask(**task.hparams)
    assert {n: v.shape for n, v in again.state_dict().items()} == {n: v.shape for n, v in task.state_dict().items()}


def test_a_task_reads_images_of_any_size():
    task = a_task().eval()
    for shape in ((32, 32), (50, 41)):
        assert task(torch.zeros(2, 3, *shape, dtype=torch.uint8)).shape == (2, 3)


@pytest.mark.parametrize("options", [{"backbone": "resnet19"}, {"weights": "nowhere.pt"}])
def test_what_can_not_be_built_is_refused_in_one_line(tmp_path, options):
    with pytest.raises(InputError, match=r"\A.*\Z"):
        ClassifierTask(**{"classes": CLASSES, "backbone": "test_resnet", "size": 32} | options)
