"""Processes share out what is left, each at least an image, and wait for each other."""

from types import SimpleNamespace

import pytest
import torch

from miad.data import Phantom
from miad.errors import RunError
from miad.tasks import ImagesToDo, Journal, wait_for_all


@pytest.fixture
def data():
    return Phantom("brain", 32, train=0, val=0, test=7)


def share(data, folder, done, processes, first=True):
    """The ids of the images that are shared out where so many are done."""
    journal = Journal(folder / "journal")
    journal.images = lambda: frozenset(done if first else ["what another machine sees"])
    # What the first process has read reaches the others.
    strategy = SimpleNamespace(broadcast=lambda own: own if first else sorted(done))
    images = ImagesToDo(data, data.split("test"), journal, batch_size=2)
    images.trainer = SimpleNamespace(strategy=strategy, world_size=processes, is_global_zero=first)
    return [item.id for batch in images.predict_dataloader() for item in batch]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("processes", [1, 2, 5, 7])
@pytest.mark.parametrize("count", range(8))
def test_all_that_is_left_is_shared_out_once_and_every_process_has_an_image(data, tmp_path, count, processes, first):
    ids = data.split("test").ids
    done = ids[1 : 1 + count]
    left = [id_ for id_ in ids if id_ not in done]
    shared = share(data, tmp_path, done, processes, first)
    assert [id_ for id_ in shared if id_ in left] == left
    assert len(set(shared)) == len(shared) == max(len(left), processes)


def test_who_waits_for_a_process_that_has_ended_says_so():
    def fail():
        raise RuntimeError("Connection closed by peer [127.0.0.1]:40095")

    with pytest.raises(RunError, match="another process of this run has ended"):
        wait_for_all(SimpleNamespace(strategy=SimpleNamespace(barrier=fail)))


def test_items_stay_where_they_are_written(data, tmp_path):
    """A Trainer moves whatever else it is given to its device."""
    items = [data.split("test")[index] for index in range(2)]
    images = ImagesToDo(data, data.split("test"), Journal(tmp_path), batch_size=2)
    assert images.transfer_batch_to_device(items, torch.device("meta"), 0) is items
