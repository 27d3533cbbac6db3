"""The bench of recovery measures what it says; how fast it is, no test asks."""

import json
import shutil
import time
from pathlib import Path

import pytest

from miad.commands.attack import attack
from miad.commands.bench import recover as bench_module
from miad.commands.bench.recover import _Bench, recover
from miad.data import Phantom
from miad.errors import InputError, KeyMismatchError, RunError
from miad.imaging import read_image
from miad.keys import (
    WHOLE,
    Identity,
    Issuer,
    User,
    make_grant,
    open_key,
    read_issuer,
    write_grant,
    write_identity,
    write_issuer,
    write_key,
)
from miad.search import RandomSearch

from ..conftest import assert_agree, quiet, tree


@pytest.fixture(scope="module")
def made(zoo, tmp_path_factory):
    run = quiet("run", tmp_path_factory.mktemp("made"))
    attack(Phantom("brain", 48, train=0, val=0, test=5), str(zoo[0]), run, search=RandomSearch())
    return run.folder


def test_the_table_and_the_file_agree(made, shown, tmp_path):
    recover(made / "run.miadkey", made / "marked", repeats=2, json=tmp_path / "speed.json")
    ((title, header, rows),) = shown
    numbers = json.loads((tmp_path / "speed.json").read_text())
    assert title.startswith("5 images, key read in ")
    assert header == ("", "images/s", "of copying", "share of time")
    assert_agree(
        [row[1] for row in rows], [numbers[name] for name in ("copied", "recovered", "read", "restored", "written")]
    )
    assert_agree([rows[1][2]], [numbers["recovered_of_copied"]])
    shares = [numbers[f"{name}_share"] for name in ("read", "restored", "written")]
    assert sum(shares) == pytest.approx(1)
    assert_agree([row[3].rstrip("%") for row in rows[2:]], [100 * share for share in shares])


def test_every_way_does_what_it_says(made, tmp_path):
    bench = _Bench.of(open_key(made / "run.miadkey"), made / "marked", tmp_path)
    for way in (bench.recover, bench.copy, bench.parts):
        way()
    originals = {name: read_image(tmp_path / "recovered" / name) for name in bench.files}
    dataset = Phantom("brain", 48, train=0, val=0, test=5).split("test")
    assert len(originals) == 5
    for index, id_ in enumerate(dataset.ids):
        assert (originals[id_] == dataset.pixels(index)).all()
    for name in bench.files:
        assert (read_image(tmp_path / "parts" / name) == originals[name]).all()
        assert (read_image(tmp_path / "copied" / name) == read_image(made / "marked" / name)).all()


@pytest.mark.parametrize("part", ["read_stored", "restored", "write_stored"])
def test_a_slow_part_shows(made, shown, monkeypatch, part):
    own = getattr(bench_module, part)
    monkeypatch.setattr(bench_module, part, lambda *given: (time.sleep(0.1), own(*given))[1])
    recover(made / "run.miadkey", made / "marked", repeats=1)
    ((_, _, rows),) = shown
    row = rows[2 + ["read_stored", "restored", "write_stored"].index(part)]
    assert float(row[1]) <= 10
    assert float(row[3].rstrip("%")) > 60


def test_nothing_is_left_behind_and_nothing_changed(made, shown, tmp_path):
    before = tree(made)
    recover(made / "run.miadkey", made / "marked", scratch=tmp_path, repeats=1)
    assert tree(made) == before
    assert not list(tmp_path.iterdir())


def test_a_folder_that_does_not_fit_is_refused(made, tmp_path, monkeypatch):
    monkeypatch.setattr(bench_module, "take_turns", lambda *_: pytest.fail("was timed"))
    folder = shutil.copytree(made / "marked", tmp_path / "marked")
    next(folder.iterdir()).unlink()
    expected = r"\Aexpected a key and images that fit, found 1 of 5 images that do not \([^\n]*no such file[^\n]*\Z"
    with pytest.raises(KeyMismatchError, match=expected):
        recover(made / "run.miadkey", folder)


def test_a_key_and_a_folder_of_nothing_are_refused(tmp_path):
    issuer = Issuer.generate()
    write_key(tmp_path / "a.miadkey", [], {}, issuer)
    write_issuer(tmp_path / "a.identity", issuer)
    (tmp_path / "marked").mkdir()
    with pytest.raises(InputError, match="expected marked images, found none"):
        recover(tmp_path / "a.miadkey", tmp_path / "marked")


def test_a_scratch_folder_that_is_not_there_is_named(made, tmp_path):
    with pytest.raises(RunError, match="nowhere: can not be written"):
        recover(made / "run.miadkey", made / "marked", scratch=tmp_path / "nowhere")


def test_who_has_a_grant_measures_too(made, shown, tmp_path):
    """As after an attack with --key.to, which leaves no identity."""
    alice = Identity.generate()
    write_identity(tmp_path / "alice.key", alice)
    issuer = read_issuer(made / "run.identity")
    grant = make_grant(issuer, {WHOLE: issuer.identity}, [User("alice", alice.recipient)])
    write_grant(tmp_path / "a.miadgrant", grant)
    key = Path(shutil.copy(made / "run.miadkey", tmp_path))
    with pytest.raises(InputError, match="is encrypted"):
        recover(key, made / "marked", repeats=1)
    recover(key, made / "marked", tmp_path / "a.miadgrant", tmp_path / "alice.key", repeats=1)
    recover(key, made / "marked", identity=made / "run.identity", repeats=1)
    assert [table[0].partition(" images")[0] for table in shown] == ["5", "5"]
