"""Batches that do not fit are halved, and nothing is lost or done twice."""

import logging

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from miad.errors import RunError
from miad.search.batches import Batches


@given(size=st.integers(1, 40), count=st.integers(0, 100), room=st.integers(1, 50))
def test_everything_is_done_once_in_order_and_nothing_larger_than_fits(size, count, room):
    def work(part):
        if part.stop - part.start > room:
            raise torch.OutOfMemoryError("no room")
        return list(range(part.start, part.stop))

    batches = Batches(size)
    assert [number for part in batches.map(work, count) for number in part] == list(range(count))
    assert batches.size <= size
    assert batches.size <= room or count <= room


def test_once_halved_they_stay_small(caplog):
    sizes = []

    def work(part):
        sizes.append(part.stop - part.start)
        if sizes[-1] > 3:
            raise torch.OutOfMemoryError("no room")

    batches = Batches(16)
    with caplog.at_level(logging.WARNING):
        batches.map(work, 7)
        batches.map(work, 4)
    assert sizes == [7, 3, 3, 1, 3, 1]
    assert [record.message for record in caplog.records] == [
        f"out of memory: going on with batches of {size}" for size in (3,)
    ]


def test_one_that_does_not_fit_is_an_error():
    def work(part):
        raise torch.OutOfMemoryError("no room")

    with pytest.raises(RunError, match=r"\Athe device's memory does not hold one image at a time; [^\n]*\Z"):
        Batches(4).map(work, 4)


def test_other_errors_pass():
    def work(part):
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        Batches(4).map(work, 4)
