"""Splits, loaders and items, on images that are made in memory."""

import numpy as np
import pytest
import torch

from miad.data import ImageDataModule, ImageDataset
from miad.errors import InputError


class Levels(ImageDataset):
    """Noisy images, each with a lesion at its top-left pixel; ``shapes`` are their sizes."""

    def __init__(self, prefix, labels, shapes, size=None):
        super().__init__([f"{prefix}{index}" for index in range(len(labels))], labels, size)
        self.shapes = shapes

    def pixels(self, index):
        shape = self.shapes[index % len(self.shapes)]
        return np.random.default_rng(index).integers(0, 256, shape, dtype=np.uint8)

    def lesion_mask(self, index):
        mask = np.zeros(self.pixels(index).shape[:2], bool)
        mask[0, 0] = True
        return mask


class Data(ImageDataModule):
    """Three classes of fifteen training and five validation images."""

    classes = ("x", "y", "z")

    def __init__(self, shapes=((12, 12),), train=(0, 1, 2) * 5, test=0, size=None, **options):
        super().__init__(size, batch_size=4, **options)
        self.datasets = {
            "train": Levels("train", list(train), shapes, size),
            "val": Levels("val", [0, 1, 2, 0, 1], shapes, size),
        }
        if test:
            self.datasets["test"] = Levels("test", [0] * test, shapes, size)

    def splits(self):
        return self.datasets


def all_items(data, split, batch_size, skip):
    return data.items_dataloader(data.split(split), batch_size, skip)


def test_test_means_val_where_there_are_no_test_images():
    assert Data().split("test").ids == Data().split("val").ids
    assert Data(test=2).split("test").ids == ["test0", "test1"]


@pytest.mark.parametrize("has", [["val"], []])
def test_a_split_without_images_is_refused_naming_those_there_are(has):
    data = Data()
    data.datasets = {name: data.datasets[name] for name in has}
    words = "val" if has else "no images at all"
    with pytest.raises(InputError, match=rf"\A.*images in the split 'train', found none.*has {words}\Z"):
        data.split("train")


def test_batches_hold_the_images_and_labels_in_order():
    (first, labels), (second, _) = Data().val_dataloader()
    dataset = Data().split("val")
    assert torch.equal(torch.cat([first, second]), torch.stack([item.image for item in dataset]))
    assert labels.tolist() == [0, 1, 2, 0]


def test_images_of_different_sizes_are_refused_naming_the_way_out():
    loader = Data(shapes=((12, 12), (10, 14))).val_dataloader()
    with pytest.raises(InputError, match=r"\A.*one size, found 14x10 and 12x12; give a data\.size\Z"):
        list(loader)


def test_a_working_size_makes_them_one_batch():
    images, _ = next(iter(Data(shapes=((12, 12), (10, 14, 3)), size=6).val_dataloader()))
    assert images.shape == (4, 3, 6, 6)
    assert images.dtype == torch.uint8


def test_items_of_different_sizes_share_a_batch_without_the_skipped_ones():
    loader = all_items(Data(shapes=((12, 12), (10, 14, 3))), "val", 3, frozenset({"val1", "absent"}))
    batches = [[(item.id, tuple(item.image.shape), item.grey) for item in batch] for batch in loader]
    grey, colour = (3, 12, 12), (3, 10, 14)
    assert batches == [
        [("val0", grey, True), ("val2", grey, True), ("val3", colour, False)],
        [("val4", grey, True)],
    ]


def test_skipping_everything_leaves_no_batch():
    assert list(all_items(Data(), "val", 3, frozenset(Data().split("val").ids))) == []


def test_a_given_lesion_comes_with_its_item_at_any_size():
    own, resized = Data().split("val")[0], Data(size=5).split("val")[0]
    assert own.lesion.nonzero().tolist() == resized.lesion.nonzero().tolist() == [[0, 0]]
    assert (own.lesion.shape, resized.lesion.shape) == ((12, 12), (5, 5))


def test_a_class_without_a_training_image_is_named():
    with pytest.raises(InputError, match=r"\A.*training images of every class, found none of y, z; .*\Z"):
        Data(train=[0] * 5).train_dataloader()


def test_training_sees_every_image_once_in_another_order():
    data = Data(augment=False, train=(0, 1, 2) * 4)
    torch.manual_seed(0)
    seen = torch.cat([images for images, _ in data.train_dataloader()])
    stored = torch.stack([item.image for item in data.split("train")])
    assert not torch.equal(seen, stored)
    assert sorted(seen.flatten(1).tolist()) == sorted(stored.flatten(1).tolist())


def test_only_training_batches_of_full_size_are_used():
    assert [len(labels) for _, labels in Data().train_dataloader()] == [4, 4, 4]


def test_fewer_images_than_a_batch_are_still_trained_on():
    assert [len(labels) for _, labels in Data(train=(0, 1, 2)).train_dataloader()] == [3]


def test_augmentation_changes_training_images_and_no_others():
    data = Data()
    stored = [{item.image.numpy().tobytes() for item in data.split(split)} for split in ("train", "val")]
    loaders = data.train_dataloader(), data.val_dataloader()
    seen = [{image.numpy().tobytes() for images, _ in loader for image in images} for loader in loaders]
    assert len(seen[0] - stored[0]) > 6
    assert seen[1] == stored[1]


def test_the_images_to_mark_are_the_stored_ones_even_after_training():
    data = Data()
    stored = data.split("train")[0]
    data.train_dataloader()
    ((item,),) = all_items(data, "train", 1, frozenset(data.split("train").ids[1:]))
    assert torch.equal(item.image, stored.image)
    assert item.lesion is not None


def test_every_image_is_checked(monkeypatch):
    dataset = Data().split("val")
    read = []
    monkeypatch.setattr(dataset, "pixels", lambda index: read.append(index) or np.zeros((4, 4), np.uint8))
    dataset.check()
    assert sorted(set(read)) == [0, 1, 2, 3, 4]


def test_loader_processes_hand_over_arrays_of_the_same_pixels():
    """A tensor would take a file descriptor each; a few batches of read-ahead would use them up."""
    batches = [list(all_items(Data(workers=workers), "val", 2, frozenset())) for workers in (0, 1)]
    for own, far in zip(*batches, strict=True):
        assert [item.id for item in own] == [item.id for item in far]
        for item, other in zip(own, far, strict=True):
            assert isinstance(other.image, np.ndarray)
            assert np.array_equal(item.image, other.image)
            assert np.array_equal(item.lesion, other.lesion)
