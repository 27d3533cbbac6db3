"""What a segmenter's task optimises, logs and keeps."""

import math

import numpy as np
import pytest
import torch
from lightning import LightningDataModule, Trainer
from lightning.pytorch.callbacks import Callback
from sklearn.metrics import average_precision_score, f1_score, jaccard_score
from torch.utils.data import DataLoader

from miad.errors import InputError
from miad.lesions import segment
from miad.models import segmentation_loss
from miad.tasks import SegmenterTask

KINDS = ["a", "b"]


def a_task(**options):
    torch.manual_seed(0)
    return SegmenterTask(KINDS, **({"encoder": "tu-test_resnet", "size": 48, "tile": 32, "width": 16} | options))


class Noise(LightningDataModule):
    """Random crops to train on, and random images of two shapes to validate and test on."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(3)

        def pair(height, width):
            image = torch.randint(0, 256, (3, height, width), generator=generator, dtype=torch.uint8)
            return image, torch.rand(2, height, width, generator=generator) > 0.7

        self.crops = [pair(32, 32) for _ in range(6)]
        self.whole = [pair(40, 50), pair(33, 31), pair(50, 40)]

    def train_dataloader(self):
        return DataLoader(self.crops, 2)

    def val_dataloader(self):
        return DataLoader(self.whole, 1)

    test_dataloader = val_dataloader


class Watch(Callback):
    """Learning rates before each step."""

    def __init__(self):
        self.rates = []

    def on_train_batch_start(self, trainer, task, batch, index):
        self.rates.append(trainer.optimizers[0].param_groups[0]["lr"])


def a_trainer(tmp_path, epochs=1, *callbacks):
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    return Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        num_sanity_val_steps=0,
        default_root_dir=tmp_path,
        callbacks=list(callbacks),
        **quiet,
    )


def by_scikit_learn(task, data):
    found = [(segment(task.network, image[None])[0], masks) for image, masks in data.whole]
    scores = {}
    for kind, name in enumerate(KINDS):
        p, truth = (np.concatenate([pair[part][kind].flatten().numpy() for pair in found]) for part in (0, 1))
        scores[f"dice/{name}"] = f1_score(truth, p >= 0.5, zero_division=0)
        scores[f"iou/{name}"] = jaccard_score(truth, p >= 0.5, zero_division=0)
        scores[f"average_precision/{name}"] = average_precision_score(truth, p)
    return scores


def spread(task):
    """Move an untrained network's answers over both sides of a half."""
    with torch.no_grad():
        task.network.unet.segmentation_head[0].weight *= 500
        task.network.unet.segmentation_head[0].bias.zero_()
    return task


@pytest.mark.parametrize("stage", ["val", "test"])
def test_the_scores_are_of_whole_images_at_their_own_size(tmp_path, stage):
    task, data = spread(a_task()), Noise()
    trainer = a_trainer(tmp_path)
    judge = trainer.validate if stage == "val" else trainer.test
    found = judge(task, datamodule=data, verbose=False)[0]
    expected = by_scikit_learn(task, data)
    assert {name: found[f"{stage}/{name}"] for name in expected} == pytest.approx(expected, abs=2e-3)
    assert len({round(value, 3) for value in expected.values()}) > 3
    assert found[f"{stage}/dice"] == pytest.approx((found[f"{stage}/dice/a"] + found[f"{stage}/dice/b"]) / 2)
    assert {f"{stage}/iou", f"{stage}/average_precision", f"{stage}/lesion_recall"} <= found.keys()


def test_a_second_pass_forgets_the_first(tmp_path):
    task, data, trainer = spread(a_task()), Noise(), a_trainer(tmp_path)
    first, second = (trainer.test(task, datamodule=data, verbose=False)[0] for _ in range(2))
    assert first == second
    assert len(task.test_overlaps) == len(data.whole)


def test_a_test_keeps_what_every_image_shares_with_its_masks(tmp_path):
    task, data = spread(a_task()), Noise()
    a_trainer(tmp_path).test(task, datamodule=data, verbose=False)
    for own, (image, masks) in zip(task.test_overlaps, data.whole, strict=True):
        predicted = segment(task.network, image[None])[0] >= 0.5
        assert own.both.tolist() == (predicted & masks).sum((1, 2)).tolist()
        assert own.true.tolist() == masks.sum((1, 2)).tolist()


def test_the_rate_rises_and_falls_and_every_weight_moves(tmp_path):
    task, watch = a_task(lr=0.01, warmup=0.25), Watch()
    before = {name: value.clone() for name, value in task.named_parameters()}
    a_trainer(tmp_path, 4, watch).fit(task, datamodule=Noise())
    up = [0.01 * (0.01 + 0.99 * step / 3) for step in range(3)]
    down = [0.005 * (1 + math.cos(math.pi * step / 9)) for step in range(9)]
    assert watch.rates == pytest.approx(up + down, rel=1e-4, abs=1e-9)
    assert all(not torch.equal(before[name], value) for name, value in task.named_parameters())


@pytest.mark.filterwarnings("ignore:.*self.log.*")  # there is no trainer
@pytest.mark.parametrize("loss", ["dice_focal", "dice_bce"])
def test_a_step_gives_the_chosen_loss(loss):
    task = a_task(loss=loss).eval()
    images, masks = (torch.stack(part) for part in zip(*Noise().crops, strict=True))
    expected = segmentation_loss(loss)(task(images), masks)
    torch.testing.assert_close(task.training_step((images, masks), 0), expected)


def test_hyperparameters_are_plain_and_rebuild_the_task(tmp_path):
    torch.save(a_task().network.state_dict(), tmp_path / "w.pt")
    task = a_task(weights=tmp_path / "w.pt", loss="dice_bce", lr=0.5, weight_decay=0.25, warmup=0.75)
    assert dict(task.hparams) == {
        "kinds": KINDS,
        "encoder": "tu-test_resnet",
        "size": 48,
        "tile": 32,
        "width": 16,
        "loss": "dice_bce",
        "lr": 0.5,
        "weight_decay": 0.25,
        "warmup": 0.75,
    }
    again = SegmenterTask(**task.hparams)
    assert {n: v.shape for n, v in again.state_dict().items()} == {n: v.shape for n, v in task.state_dict().items()}


@pytest.mark.parametrize(
    "options", [{"lr": 0.0}, {"weight_decay": -1.0}, {"warmup": -0.1}, {"tile": 31}, {"encoder": "x"}]
)
def test_options_out_of_range_are_refused_in_one_line(options):
    with pytest.raises(InputError, match=r"\Aexpected .*\Z"):
        a_task(**options)
