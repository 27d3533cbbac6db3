"""Single bits flipped anywhere in a key, a grant or a marked file: told in one line, or without any effect."""

from collections import Counter

import numpy as np
import pytest

from miad.errors import MiadError
from miad.imaging import read_image
from miad.keys import WHOLE, Identity, Key, User, add_part, make_grant, open_key, recover_folder, write_grant

from .samples import a_folder, flipped

FLIPS = 1000


def told(action):
    """What was wrong, in one line, or nothing."""
    try:
        action()
    except MiadError as error:
        return "several lines" if "\n" in str(error) else type(error).__name__
    return ""


def restore_all(path, identity, grant, images):
    with open_key(path, identity, grant) as key:
        for original, marked, record in images:
            if record.marked in key.records:
                assert np.array_equal(key.restore(marked), original)


@pytest.fixture
def alice():
    return Identity.generate()


@pytest.fixture
def grant_path(path, issuer, images, alice, tmp_path):
    """A grant of the whole and of a part."""
    ward = add_part(path, issuer, "ward", [images[0][2].marked])
    users = [User("alice", alice.recipient)]
    write_grant(tmp_path / "a.miadgrant", make_grant(issuer, {WHOLE: issuer.identity, "ward": ward}, users))
    return tmp_path / "a.miadgrant"


def test_in_a_key(path, grant_path, alice, images):
    sound, generator, outcomes = path.read_bytes(), np.random.default_rng(0), Counter()
    before = sorted(path.parent.iterdir())
    for _ in range(FLIPS):
        path.write_bytes(flipped(sound, generator))
        outcomes[told(lambda: restore_all(path, alice, grant_path, images))] += 1
    assert sorted(path.parent.iterdir()) == before
    assert outcomes.keys() == {"", "InputError"}  # pages have room that holds nothing
    assert outcomes["InputError"] > FLIPS / 4


def test_in_a_grant(path, grant_path, alice, images):
    sound, generator, outcomes = grant_path.read_bytes(), np.random.default_rng(1), Counter()
    for _ in range(FLIPS):
        grant_path.write_bytes(flipped(sound, generator))
        outcomes[told(lambda: open_key(path, alice, grant_path).close())] += 1
    assert outcomes == {"InputError": FLIPS}


def test_in_a_marked_file(path, issuer, images, tmp_path):
    """An original that comes back is the right one; else the file is named, and nothing is written for it."""
    original, _, record = images[1]
    folder, out = a_folder(tmp_path / "marked", images[1:2]), tmp_path / "out"
    file, target = folder / record.file, out / record.file
    sound, generator, outcomes = file.read_bytes(), np.random.default_rng(2), Counter()
    key = open_key(path, issuer.identity)
    mine = Key.of(key.path, {record.marked: record}, key.renderings, key.parts)
    for _ in range(FLIPS):
        file.write_bytes(flipped(sound, generator))
        (result,) = recover_folder(mine, folder, out)
        assert result.file == record.file
        assert "\n" not in result.problem
        assert bool(result.problem) == (not target.exists())
        if target.exists():
            assert np.array_equal(read_image(target), original)
            target.unlink()
        outcomes[bool(result.problem)] += 1
    assert outcomes[True] > FLIPS / 2
