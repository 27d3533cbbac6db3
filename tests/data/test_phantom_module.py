"""The phantom as a data set: what it keeps changes nothing, and does not grow with the number of images."""

import tracemalloc

import numpy as np
import pytest

from miad.data import Phantom, content_digest
from miad.data.phantom import module
from miad.data.phantom.images import draw_phantom

SIDE = 32
IMAGE = 2 * SIDE * SIDE
"""Bytes of a grey image and its mask."""


@pytest.fixture
def dataset():
    """A function that makes the same 60 slices each time."""
    return lambda: Phantom("brain", SIDE, train=0, val=3, test=60, seed=5).split("test")


@pytest.fixture
def drawn(monkeypatch):
    """The numbers of the images that were drawn, in order."""
    numbers = []

    def draw(kind, size, seed, number):
        numbers.append(number)
        return draw_phantom(kind, size, seed, number)

    monkeypatch.setattr(module, "draw_phantom", draw)
    return numbers


@pytest.mark.parametrize("room", [0, 10 * IMAGE, 1000 * IMAGE])
def test_items_are_the_drawn_images_whatever_is_kept(dataset, monkeypatch, room):
    monkeypatch.setattr(module, "_ROOM", room)
    images = dataset()
    for index in [*range(60), 59, 0, 7, 0]:
        image = draw_phantom("brain", SIDE, 5, 3 + index)
        np.testing.assert_array_equal(images[index].image[0], image.pixels)
        np.testing.assert_array_equal(images[index].lesion, image.lesion_mask)
        assert images[index].label == image.label
        assert images[index].id == f"brain-{3 + index:05d}.png"


def test_its_digest_is_the_same_whatever_is_kept(dataset, monkeypatch):
    everything = content_digest(dataset())
    monkeypatch.setattr(module, "_ROOM", 10 * IMAGE)
    assert content_digest(dataset()) == everything


def test_reading_many_images_takes_no_more_memory_than_there_is_room_for(dataset, monkeypatch):
    room = 10 * IMAGE
    monkeypatch.setattr(module, "_ROOM", room)
    images = dataset()
    images[0]
    tracemalloc.start()
    try:
        for index in range(60):
            images[index]
        grown, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.8 * room < grown < 2 * room < 0.4 * 60 * IMAGE


def test_the_first_images_are_drawn_once_and_the_others_once_a_reading(dataset, drawn, monkeypatch):
    monkeypatch.setattr(module, "_ROOM", 10 * IMAGE)
    images = dataset()
    for _ in range(3):
        for index in range(60):
            images[index]
    assert sorted(drawn) == sorted([*range(3, 13), *3 * list(range(13, 63))])


def test_a_shape_is_known_without_drawing(dataset, drawn):
    assert {dataset().shape(index) for index in range(60)} == {(SIDE, SIDE)}
    assert drawn == []
