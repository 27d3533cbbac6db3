"""Single bits flipped anywhere in a key, a grant or a marked file: told in one line, or without any effect."""

from collections import Counter

import numpy as np
import pytest

from miad.errors import MiadError
from miad.imaging import read_image
from miad.keys import (
    WHOLE,
    Identity,
    Key,
    User,
    add_part,
    make_grant,
    open_key,
    recover_folder,
    write_grant,
    write_identity,
    write_issuer,
)

from .samples import a_folder, flipped

FLIPS = [1000, pytest.param(2500, marks=pytest.mark.slow)]
"""The slow ones are 10,000 in all."""


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


@pytest.mark.parametrize("flips", FLIPS)
def test_in_a_key(path, grant_path, alice, images, flips):
    sound, generator, outcomes = path.read_bytes(), np.random.default_rng(0), Counter()
    before = sorted(path.parent.iterdir())
    for _ in range(flips):
        path.write_bytes(flipped(sound, generator))
        outcomes[told(lambda: restore_all(path, alice, grant_path, images))] += 1
    assert sorted(path.parent.iterdir()) == before
    assert outcomes.keys() == {"", "InputError"}  # pages have room that holds nothing
    assert outcomes["InputError"] > flips / 4
    print(f"key: {dict(outcomes)}")  # noqa: T201  (shown by -s, as the others)


@pytest.mark.parametrize("flips", FLIPS)
def test_in_a_grant(path, grant_path, alice, images, flips):
    sound, generator, outcomes = grant_path.read_bytes(), np.random.default_rng(1), Counter()
    for _ in range(flips):
        grant_path.write_bytes(flipped(sound, generator))
        outcomes[told(lambda: open_key(path, alice, grant_path).close())] += 1
    assert outcomes == {"InputError": flips}
    print(f"grant: {dict(outcomes)}")  # noqa: T201


@pytest.mark.parametrize("flips", FLIPS)
def test_in_a_marked_file(path, issuer, images, tmp_path, flips):
    """An original that comes back is the right one; else the file is named, and nothing is written for it."""
    original, _, record = images[1]
    folder, out = a_folder(tmp_path / "marked", images[1:2]), tmp_path / "out"
    file, target = folder / record.file, out / record.file
    sound, generator, outcomes = file.read_bytes(), np.random.default_rng(2), Counter()
    key = open_key(path, issuer.identity)
    mine = Key.of(key.path, {record.marked: record}, key.renderings, key.parts)
    for _ in range(flips):
        file.write_bytes(flipped(sound, generator))
        (result,) = recover_folder(mine, folder, out)
        assert result.file == record.file
        assert "\n" not in result.problem
        assert bool(result.problem) == (not target.exists())
        if target.exists():
            assert np.array_equal(read_image(target), original)
            target.unlink()
        outcomes[bool(result.problem)] += 1
    assert outcomes[True] > flips / 2
    print(f"marked file: {outcomes[True]} told, {outcomes[False]} without effect")  # noqa: T201


@pytest.mark.parametrize("flips", FLIPS)
@pytest.mark.parametrize("whose", ["issuer", "user"])
def test_in_an_identity(path, issuer, grant_path, alice, images, tmp_path, whose, flips):
    """The issuer's opens the key, a user's her grant; comments in the files may change."""
    file, grant = tmp_path / "some.identity", grant_path if whose == "user" else None
    if whose == "user":
        write_identity(file, alice)
    else:
        write_issuer(file, issuer)
    sound, generator, outcomes = file.read_bytes(), np.random.default_rng(3), Counter()
    for _ in range(flips // 2):
        file.write_bytes(flipped(sound, generator))
        outcomes[told(lambda: restore_all(path, file, grant, images))] += 1
    assert outcomes.keys() == {"", "InputError"}
    assert outcomes["InputError"] > flips / 10
    print(f"identity of the {whose}: {dict(outcomes)}")  # noqa: T201
