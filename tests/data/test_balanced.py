"""Training images of rare classes are drawn as often as those of common ones, where that is asked for."""

from collections import Counter

import numpy as np
import pytest
import torch

from miad.data import ImageDataModule, ImageDataset

COUNTS = {0: 180, 1: 17, 2: 3}


class Levels(ImageDataset):
    """One pixel each; its grey level is the image's number."""

    def pixels(self, index):
        return np.full((1, 1), index, np.uint8)


class Unequal(ImageDataModule):
    classes = ("common", "rare", "rarest")

    def splits(self):
        labels = [label for label, count in COUNTS.items() for _ in range(count)]
        dataset = Levels([str(number) for number in range(200)], labels)
        return {"train": dataset, "val": dataset}


@pytest.fixture
def draw():
    """A function that draws twelve epochs of 200 images and gives their numbers and labels."""

    def draw(loader, epochs=12):
        torch.manual_seed(0)
        batches = [batch for _ in range(epochs) for batch in loader]
        return torch.cat([images[:, 0, 0, 0] for images, _ in batches]), torch.cat([labels for _, labels in batches])

    return draw


def test_every_class_comes_about_equally_often(draw):
    numbers, labels = draw(Unequal(batch_size=20, augment=False, balanced=True).train_dataloader())
    assert len(labels) == 12 * 200
    assert labels.bincount().tolist() == pytest.approx([800, 800, 800], abs=100)  # four standard deviations
    assert labels.tolist() == [0 if number < 180 else 1 if number < 197 else 2 for number in numbers.tolist()]


def test_every_image_of_a_class_comes_about_equally_often(draw):
    numbers, _ = draw(Unequal(batch_size=20, augment=False, balanced=True).train_dataloader())
    drawn = Counter(numbers.tolist())
    assert [drawn[number] for number in (197, 198, 199)] == pytest.approx([800 / 3] * 3, abs=65)
    assert len([number for number in range(180) if drawn[number]]) > 170


def test_otherwise_every_image_comes_once_an_epoch(draw):
    numbers, labels = draw(Unequal(batch_size=20, augment=False).train_dataloader(), epochs=1)
    assert sorted(numbers.tolist()) == list(range(200))
    assert Counter(labels.tolist()) == COUNTS


def test_validation_is_never_balanced(draw):
    numbers, _ = draw(Unequal(batch_size=20, balanced=True).val_dataloader(), epochs=1)
    assert numbers.tolist() == list(range(200))


def test_the_seed_decides_what_is_drawn(draw):
    loader = Unequal(batch_size=20, augment=False, balanced=True).train_dataloader()
    assert torch.equal(draw(loader, 1)[0], draw(loader, 1)[0])
