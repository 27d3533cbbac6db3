"""A few images of every class: drawn evenly, and the same images as in the whole."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from miad.data import ImageDataModule, ImageDataset, choose_images, content_digest
from miad.data.sample import SampledDataset, sample_per_class
from miad.errors import InputError

CLASSES = ("x", "y", "z")
LABELS = [0, 2, 1, 1, 0, 2, 2, 0, 1, 0, 2, 0] * 2


class Spotted(ImageDataset):
    """Noisy images of three shapes, each with a lesion at a pixel of its own; every fifth has no mask."""

    def __init__(self, labels, size=None):
        super().__init__([f"{index}.png" for index in range(len(labels))], labels, size)
        self.read = []

    def pixels(self, index):
        self.read.append(index)
        shape = ((12, 14), (16, 12, 3), (13, 13))[index % 3]
        return np.random.default_rng(index).integers(0, 256, shape, dtype=np.uint8)

    def lesion_mask(self, index):
        mask = np.zeros(self.pixels(index).shape[:2], bool)
        mask[index % 12, index % 11] = True
        return mask if index % 5 else None


class Data(ImageDataModule):
    classes = CLASSES

    def __init__(self, labels, size=None):
        super().__init__(size)
        self.datasets = {"val": Spotted(labels, size)}

    def splits(self):
        return self.datasets


def test_every_class_comes_equally_often_and_in_the_order_of_the_whole():
    chosen = sample_per_class(LABELS, CLASSES, 4, seed=1)
    assert Counter(LABELS[index] for index in chosen) == {0: 4, 1: 4, 2: 4}
    assert chosen == sorted(set(chosen))


@given(st.lists(st.integers(0, 2), max_size=20), st.integers(1, 3), st.integers(0, 2**32 - 1))
def test_any_sample_is_even_ascending_and_without_repeats(labels, count, seed):
    labels = [*labels, *([0, 1, 2] * count)]
    chosen = sample_per_class(labels, CLASSES, count, seed)
    assert chosen == sorted(set(chosen))
    assert Counter(labels[index] for index in chosen) == dict.fromkeys(range(3), count)


def test_the_same_seed_chooses_the_same_images_and_another_others():
    first, again, other = (sample_per_class(LABELS, CLASSES, 3, seed) for seed in (1, 1, 2))
    assert first == again != other


def test_every_image_is_chosen_as_often_as_the_others_of_its_class():
    times = Counter(index for seed in range(600) for index in sample_per_class(LABELS, CLASSES, 3, seed))
    for label, size in Counter(LABELS).items():
        counts = [times[index] for index, own in enumerate(LABELS) if own == label]
        share = 3 / size
        deviation = (600 * share * (1 - share)) ** 0.5
        assert all(abs(count - 600 * share) < 4 * deviation for count in counts)


def test_all_images_of_the_smallest_class_can_be_asked_for():
    assert sample_per_class([0, 1, 2, 1], CLASSES, 1, seed=0)[0] == 0
    assert sample_per_class([2, 0, 1], CLASSES, 1, seed=0) == [0, 1, 2]


@pytest.mark.parametrize(("labels", "found"), [([0, 0, 1, 1, 2], "1 of z"), ([0, 0, 2, 2], "0 of y"), ([], "0 of x")])
def test_too_few_images_of_a_class_are_refused_naming_it(labels, found):
    expected = rf"\Aexpected 2 images of every class, found {found}; give a smaller per_class, or null to take all\Z"
    with pytest.raises(InputError, match=expected):
        sample_per_class(labels, CLASSES, 2, seed=0)


@pytest.mark.parametrize("count", [0, -1])
def test_at_least_one_image_a_class_is_wanted(count):
    with pytest.raises(InputError, match=rf"\Aexpected per_class of at least 1, found {count}\Z"):
        sample_per_class(LABELS, CLASSES, count, seed=0)


@pytest.mark.parametrize("size", [None, 8])
def test_a_sample_gives_the_same_images_as_the_whole(size):
    whole = Spotted(LABELS, size)
    indices = [7, 2, 3, 20, 5]
    sample = SampledDataset(whole, indices)
    assert len(sample) == 5
    assert (sample.ids, sample.labels) == ([whole.ids[i] for i in indices], [whole.labels[i] for i in indices])
    for own, index in enumerate(indices):
        assert np.array_equal(sample.pixels(own), whole.pixels(index))
        assert sample.shape(own) == whole.shape(index)
        masks = sample.lesion_mask(own), whole.lesion_mask(index)
        assert np.array_equal(*masks) if index % 5 else masks == (None, None)
        for found, expected in zip(sample[own], whole[index], strict=True):
            assert torch.equal(found, expected) if isinstance(expected, torch.Tensor) else found == expected
        assert tuple(sample[own].image.shape[1:]) == sample.shape(own)


def test_only_the_sample_is_checked():
    whole = Spotted(LABELS)
    SampledDataset(whole, [4, 9]).check()
    assert set(whole.read) == {4, 9}


def test_another_sample_has_another_digest():
    whole = Spotted(LABELS)
    first, again, other = (content_digest(SampledDataset(whole, indices)) for indices in ([1, 2], [1, 2], [1, 3]))
    assert first == again != other


def test_a_split_is_taken_whole_unless_a_number_is_asked_for():
    data = Data(LABELS)
    assert choose_images(data, "val", None, seed=0) is data.split("val")
    chosen = choose_images(data, "val", 2, seed=5)
    assert chosen.ids == [f"{index}.png" for index in sample_per_class(LABELS, CLASSES, 2, seed=5)]
    assert choose_images(data, "test", 2, seed=5).ids == chosen.ids  # there are no test images


def test_a_split_without_images_is_refused():
    with pytest.raises(InputError, match=r"\A.*images in the split 'train', found none.*\Z"):
        choose_images(Data(LABELS), "train", 1, seed=0)


def test_the_loader_of_a_sample_gives_its_items():
    data = Data(LABELS)
    sample = choose_images(data, "val", 2, seed=0)
    loader = data.items_dataloader(sample, 4, frozenset(sample.ids[:1]))
    assert [item.id for batch in loader for item in batch] == sample.ids[1:]
