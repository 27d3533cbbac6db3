"""The journal: an entry is there whole or not at all, and comes back as it went in."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from math import inf, isnan, nan

import numpy as np
import pytest

from miad.keys import SealedRecord
from miad.search import Status
from miad.tasks import Entry, Journal
from miad.watermark import Rendering

RECORD = SealedRecord("f" * 64, bytes(range(256)))
BEFORE, AFTER = [[0.1, 0.9], [1 / 3, 2 / 3]], [[0.7, 0.3], [0.123456789, 0.876543211]]
MARKED = Entry(
    "a",
    "ä.png",
    1,
    Status.SUCCESS,
    9,
    1,
    2,
    150,
    3,
    2.5,
    16,
    True,
    40,
    7,
    30,
    BEFORE,
    AFTER,
    0.9,
    31.25,
    1 / 7,
    4.5,
)
LEFT = Entry(
    "b", "", 0, Status.INFEASIBLE, 1, -1, -1, -1, -1, 4.0, 48, False, -1, 0, 0, BEFORE, BEFORE, 1.0, inf, 0.0, 0.0
)
DONE, LEFT_ALONE = (MARKED, RECORD), (LEFT, None)


@pytest.fixture
def journal(tmp_path):
    return Journal(tmp_path / "journal")


def by_image(journal):
    entries = journal.entries()
    assert len({entry.image for entry in entries}) == len(entries)
    return {entry.image: entry for entry in entries}


def test_entries_come_back_as_they_went_in(journal):
    journal.add(0, [DONE, LEFT_ALONE])
    assert by_image(journal) == {"a": MARKED, "b": LEFT}
    assert journal.images() == {"a", "b"}
    assert list(journal.records()) == [RECORD]
    assert isinstance(by_image(journal)["a"].status, Status)


@pytest.mark.parametrize("status", Status)
def test_every_status_comes_back(journal, status):
    journal.add(0, [(replace(MARKED, status=status), RECORD)])
    assert by_image(journal)["a"].status is status


def test_a_number_that_is_none_comes_back(journal):
    journal.add(0, [(replace(MARKED, ssim=nan), RECORD)])
    assert isnan(by_image(journal)["a"].ssim)


def test_another_journal_of_the_same_folder_goes_on(journal):
    journal.add(0, [DONE])
    Journal(journal.folder).add(0, [LEFT_ALONE])
    assert by_image(Journal(journal.folder)) == {"a": MARKED, "b": LEFT}


def test_processes_write_files_of_their_own_and_read_all(journal):
    journal.add(0, [DONE])
    journal.add(1, [LEFT_ALONE])
    assert {path.name for path in journal.folder.iterdir()} == {"0.sqlite", "1.sqlite"}
    assert journal.images() == {"a", "b"}


def test_an_image_that_is_done_again_is_booked_once(journal):
    journal.add(0, [DONE, LEFT_ALONE])
    journal.add(0, [(replace(MARKED, queries=77), RECORD)])
    assert {image: entry.queries for image, entry in by_image(journal).items()} == {"a": 77, "b": 1}


def test_a_journal_that_was_never_written_is_empty(journal):
    assert (journal.images(), journal.entries(), journal.renderings()) == (frozenset(), [], {})
    journal.remove()
    assert not journal.folder.exists()


def test_a_batch_that_fails_halfway_leaves_nothing(journal):
    def batch():
        yield replace(MARKED, image="c"), RECORD
        raise RuntimeError("the machine goes down")

    journal.add(0, [LEFT_ALONE])
    with pytest.raises(RuntimeError, match="goes down"):
        journal.add(0, batch())
    assert journal.images() == {"b"}


def test_a_batch_that_was_not_committed_is_not_read(journal):
    journal.add(0, [LEFT_ALONE])
    with closing(sqlite3.connect(journal.folder / "0.sqlite")) as killed:
        killed.execute("INSERT INTO entry VALUES ('c', '{}', NULL, NULL)")
        assert journal.images() == {"b"}
    assert journal.images() == {"b"}
    journal.add(0, [DONE])
    assert journal.images() == {"a", "b"}


@pytest.mark.parametrize("size", [0, 4096])
def test_a_file_that_was_only_begun_is_empty(journal, size):
    journal.folder.mkdir()
    path = journal.folder / "0.sqlite"
    path.touch()
    if size:
        with closing(sqlite3.connect(path)) as database, database:
            database.execute("PRAGMA user_version = 1")
    assert journal.images() == frozenset()
    journal.add(0, [DONE])
    assert by_image(journal) == {"a": MARKED}


def test_renderings_come_back_and_are_written_once(journal):
    journal.add(0, [DONE])
    generator = np.random.default_rng(0)
    drawn = [generator.integers(0, 256, (5, 8, 4)).astype(np.uint8) for _ in range(2)]
    drawn[0][0, 0] = (9, 8, 7, 0)  # colour below zero coverage is part of the digest
    renderings = {name: Rendering(rgba[..., :3], rgba[..., 3]) for name, rgba in zip("xy", drawn, strict=True)}
    for name, rendering in renderings.items():
        journal.keep(name, rendering)
    stamp = (journal.folder / "x.png").stat().st_mtime_ns
    journal.keep("x", renderings["x"])
    assert (journal.folder / "x.png").stat().st_mtime_ns == stamp
    found = journal.renderings()
    assert found.keys() == renderings.keys()
    for name, rendering in renderings.items():
        assert np.array_equal(found[name].rgb, rendering.rgb)
        assert np.array_equal(found[name].coverage, rendering.coverage)


def test_a_draft_of_a_rendering_is_not_taken_for_one(journal):
    journal.folder.mkdir()
    (journal.folder / ".x.png.draft").write_bytes(b"half")
    assert journal.renderings() == {}


def test_a_finished_journal_is_removed_whole(journal):
    journal.add(0, [DONE])
    journal.keep("x", Rendering(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)))
    (journal.folder / ".y.png.draft").write_bytes(b"half")  # left by a killed process
    journal.remove()
    assert not journal.folder.exists()
