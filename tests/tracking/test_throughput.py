"""Images a second are images over seconds, loading included and validation not."""

import time

import pytest
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.loggers import Logger
from torch.utils.data import DataLoader, TensorDataset

from miad.tracking import Throughput


class Notes(Logger):
    """Keeps what is logged."""

    def __init__(self):
        super().__init__()
        self.rows = []

    name, version = "notes", 0

    def log_metrics(self, metrics, step=None):
        self.rows.append((dict(metrics), step))

    def log_hyperparams(self, *_):
        pass


class Task(LightningModule):
    """Each step takes a second on the clock, each validation step a hundred."""

    def __init__(self, clock):
        super().__init__()
        self.clock = clock
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def training_step(self, batch, index):
        self.clock.seconds += 1
        return self.weight.sum()

    def validation_step(self, batch, index):
        self.clock.seconds += 100

    def test_step(self, batch, index):
        self.clock.seconds += 2

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class Clock:
    seconds = 0.0


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(time, "perf_counter", lambda: found.seconds)
    return found


def loader(clock, images, batch_size):
    """Loading a batch takes half a second on the clock."""

    def collate(items):
        clock.seconds += 0.5
        return torch.utils.data.default_collate(items)

    data = TensorDataset(torch.zeros(images, 1), torch.zeros(images))
    return DataLoader(data, batch_size, collate_fn=collate)


def trainer(tmp_path, notes):
    quiet = {"enable_progress_bar": False, "enable_model_summary": False, "enable_checkpointing": False}
    return Trainer(
        accelerator="cpu",
        devices=1,
        max_epochs=2,
        logger=notes,
        callbacks=[Throughput()],
        default_root_dir=tmp_path,
        **quiet,
    )


def rates(notes, name):
    return [row[name] for row, _ in notes.rows if name in row]


def test_training_is_counted_without_validation(tmp_path, clock):
    notes = Notes()
    trainer(tmp_path, notes).fit(Task(clock), loader(clock, 10, 4), loader(clock, 2, 1))
    found = rates(notes, "train/images_per_second")
    assert len(found) == 2
    for rate in found:
        assert 10 / (3 * 1.5 + 0.5) <= rate <= 10 / (3 * 1.5 - 0.5)  # a batch is loaded ahead


def test_a_test_is_counted(tmp_path, clock):
    notes = Notes()
    trainer(tmp_path, notes).test(Task(clock), loader(clock, 7, 3), verbose=False)
    (rate,) = rates(notes, "test/images_per_second")
    assert 7 / (3 * 2.5 + 0.5) <= rate <= 7 / (3 * 2.5 - 0.5)


def test_results_do_not_have_it(tmp_path, clock):
    (results,) = trainer(tmp_path, Notes()).test(Task(clock), loader(clock, 7, 3), verbose=False)
    assert "test/images_per_second" not in results
