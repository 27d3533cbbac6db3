"""An attack's key: encrypted from the first record on, opened by whom it is for, and by nobody else."""

import sqlite3
import stat
from contextlib import closing

import numpy as np
import pytest

from miad.cli import main
from miad.commands.attack import attack
from miad.commands.recover import recover
from miad.commands.run import Run
from miad.commands.run_key import KeyOptions, begin_key
from miad.errors import InputError, MiadError, RunError
from miad.imaging import read_image
from miad.keys import Identity, Issuer, open_issuer, open_key, read_grant, read_issuer, write_identity, write_issuer
from miad.search import RandomSearch
from miad.tasks import Journal

from .conftest import quiet, tree

IMAGES = 20


@pytest.fixture
def alice(tmp_path):
    """Her private key's file; the public key lies beside it."""
    identity = Identity.generate()
    write_identity(tmp_path / "alice.key", identity)
    (tmp_path / "alice.pub").write_text(identity.recipient + "\n")
    return tmp_path / "alice.key"


@pytest.fixture
def to_alice(alice):
    return KeyOptions(str(alice.with_suffix(".pub")))


def mark(zoo, phantom, root, **options):
    run = quiet("run", root)
    attack(phantom(), str(zoo[0]), run, search=RandomSearch(), images=4, **options)
    return run.folder


def interrupted(zoo, phantom, root, monkeypatch, **options):
    """The folder of an attack that went down after some images."""

    add = Journal.add

    def stop(self, rank, batch):
        add(self, rank, batch[: len(batch) // 2])
        raise OSError("the machine goes down")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "add", stop)
        with pytest.raises(OSError, match="goes down"):
            mark(zoo, phantom, root, **options)
    assert 0 < len(Journal(root / "run" / "journal").images()) < IMAGES
    return root / "run"


def assert_recovered(out, phantom):
    dataset = phantom().split("test")
    for index, id_ in enumerate(dataset.ids):
        assert np.array_equal(read_image(out / id_), dataset.pixels(index))


def secrets_of(folder):
    """Whatever in a run's folder looks like a private key, by file."""
    files = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {p.name for p, data in files.items() if b"SECRET-KEY" in data or b"PRIVATE KEY" in data}


def test_the_identity_lies_beside_the_key_for_its_owner_alone(zoo, phantom, tmp_path):
    folder = mark(zoo, phantom, tmp_path)
    assert stat.S_IMODE((folder / "run.identity").stat().st_mode) == 0o600
    assert secrets_of(folder) == {"run.identity"}
    assert recover(folder / "run.miadkey", folder / "marked", tmp_path / "out") == IMAGES
    assert_recovered(tmp_path / "out", phantom)
    (folder / "run.identity").rename(tmp_path / "moved")
    with pytest.raises(InputError, match="is encrypted"):
        recover(folder / "run.miadkey", folder / "marked", tmp_path / "none")


def test_the_journal_is_gone_before_other_processes_are_let_into_the_folder(zoo, phantom, tmp_path, monkeypatch):
    """They would take up what is being deleted, and what signs the key would outlast a kill in between."""
    close, found = Run.close, []

    def look(run):
        found.append(sorted(path.name for path in run.folder.iterdir()))
        close(run)

    monkeypatch.setattr(Run, "close", look)
    mark(zoo, phantom, tmp_path)
    assert len(found) == 1
    assert "metrics.csv" in found[0]
    assert "journal" not in found[0]


def test_every_run_has_an_identity_of_its_own(zoo, phantom, tmp_path):
    one, two = (mark(zoo, phantom, tmp_path / name) for name in "ab")
    assert read_issuer(one / "run.identity").recipient != read_issuer(two / "run.identity").recipient
    with pytest.raises(InputError, match="signed by another"):
        open_key(one / "run.miadkey", two / "run.identity")
    assert tree(one)["run.miadkey"] == tree(two)["run.miadkey"]


def test_an_interrupted_run_leaves_no_plain_record_and_goes_on_with_its_identity(zoo, phantom, tmp_path, monkeypatch):
    folder = interrupted(zoo, phantom, tmp_path / "a", monkeypatch)
    issuer = read_issuer(folder / "run.identity")
    with closing(sqlite3.connect(folder / "journal" / "0.sqlite")) as database:
        records = [blob for (blob,) in database.execute("SELECT record FROM entry")]
    assert records
    assert all(blob.startswith(b"age-encryption.org/v1\n") for blob in records)
    assert b'"remainder"' not in (folder / "journal" / "0.sqlite").read_bytes()
    assert b'"original"' not in (folder / "journal" / "0.sqlite").read_bytes()
    mark(zoo, phantom, tmp_path / "a")
    assert read_issuer(folder / "run.identity").recipient == issuer.recipient
    assert len(open_key(folder / "run.miadkey").records) == IMAGES
    assert tree(folder)["run.miadkey"] == tree(mark(zoo, phantom, tmp_path / "b"))["run.miadkey"]


def test_an_interrupted_run_whose_identity_is_gone_does_not_go_on_with_another(zoo, phantom, tmp_path, monkeypatch):
    """What is sealed already would be lost."""
    folder = interrupted(zoo, phantom, tmp_path / "a", monkeypatch)
    (folder / "run.identity").rename(tmp_path / "moved")
    with pytest.raises(RunError, match=r"\A[^\n]*run\.identity: expected the identity [^\n]*; put it back, [^\n]*\Z"):
        mark(zoo, phantom, tmp_path / "a")
    assert not (folder / "run.identity").exists()
    (tmp_path / "moved").rename(folder / "run.identity")
    mark(zoo, phantom, tmp_path / "a")
    assert len(open_key(folder / "run.miadkey").records) == IMAGES


@pytest.mark.parametrize("missing", [False, True])
def test_an_interrupted_run_does_not_go_on_with_another_run_s_identity(zoo, phantom, tmp_path, monkeypatch, missing):
    folder = interrupted(zoo, phantom, tmp_path / "a", monkeypatch)
    if missing:
        (folder / "journal" / "recipient").unlink()
    else:
        (folder / "run.identity").unlink()
        write_issuer(folder / "run.identity", Issuer.generate())
    before = tree(folder)
    with pytest.raises(MiadError, match=r"\A[^\n]*: expected wh[^\n]*; [^\n]*delete the run's folder to begin again\Z"):
        mark(zoo, phantom, tmp_path / "a")
    assert tree(folder) == before


@pytest.mark.parametrize("lost", ["journal/signer", "run.miadgrant"])
def test_an_interrupted_run_with_readers_never_replaces_the_grant_that_opens_its_records(
    zoo, phantom, tmp_path, monkeypatch, alice, to_alice, lost
):
    folder = interrupted(zoo, phantom, tmp_path, monkeypatch, key=to_alice)
    (folder / lost).rename(tmp_path / "moved")
    kept = [path for path in (folder / "run.miadgrant", folder / "journal" / "signer") if path.exists()]
    before = [path.read_bytes() for path in kept]
    with pytest.raises(MiadError, match=r"\A[^\n]*(signer|miadgrant): expected [^\n]*, found [^\n]*\Z"):
        mark(zoo, phantom, tmp_path, key=to_alice)
    assert [path.read_bytes() for path in kept] == before
    assert not (folder / lost).exists()
    (tmp_path / "moved").rename(folder / lost)
    mark(zoo, phantom, tmp_path, key=to_alice)
    assert (
        recover(folder / "run.miadkey", folder / "marked", tmp_path / "out", folder / "run.miadgrant", alice) == IMAGES
    )


def test_a_run_that_was_killed_before_its_first_record_begins_anew(tmp_path, alice, to_alice):
    begin_key(tmp_path, "run", to_alice.users())
    (tmp_path / "journal" / "signer").unlink()
    issuer = begin_key(tmp_path, "run", to_alice.users())
    assert read_grant(tmp_path / "run.miadgrant").key == issuer.recipient
    assert begin_key(tmp_path, "run", to_alice.users()).recipient == issuer.recipient


def test_with_readers_nothing_that_opens_the_key_stays(zoo, phantom, tmp_path, alice, to_alice):
    folder = mark(zoo, phantom, tmp_path, key=to_alice)
    assert secrets_of(folder) == set()
    assert not (folder / "run.identity").exists()
    grant = folder / "run.miadgrant"
    assert [user.name for user in read_grant(grant).users] == ["alice"]
    with pytest.raises(InputError, match="is encrypted"):
        recover(folder / "run.miadkey", folder / "marked", tmp_path / "none")
    assert recover(folder / "run.miadkey", folder / "marked", tmp_path / "out", grant, alice) == IMAGES
    assert_recovered(tmp_path / "out", phantom)
    assert open_issuer(folder / "run.miadkey", alice, grant).public == read_grant(grant).issuer


def test_an_interrupted_run_with_readers_keeps_what_signs_and_not_what_opens(
    zoo, phantom, tmp_path, monkeypatch, alice, to_alice
):
    folder = interrupted(zoo, phantom, tmp_path, monkeypatch, key=to_alice)
    assert secrets_of(folder) == {"signer"}
    assert b"AGE-SECRET-KEY" not in (folder / "journal" / "signer").read_bytes()
    assert stat.S_IMODE((folder / "journal" / "signer").stat().st_mode) == 0o600
    before = (folder / "run.miadgrant").read_bytes()
    mark(zoo, phantom, tmp_path, key=to_alice)
    assert (folder / "run.miadgrant").read_bytes() == before
    assert secrets_of(folder) == set()
    assert (
        recover(folder / "run.miadkey", folder / "marked", tmp_path / "out", folder / "run.miadgrant", alice) == IMAGES
    )


def test_a_run_is_not_taken_up_for_other_readers(zoo, phantom, tmp_path, monkeypatch, to_alice, alice):
    folder = interrupted(zoo, phantom, tmp_path, monkeypatch, key=to_alice)
    before = tree(folder)
    alice.with_suffix(".pub").write_text(Identity.generate().recipient + "\n")
    from miad.errors import RunError

    for other in (to_alice, KeyOptions()):
        with pytest.raises(RunError, match=r"a different run: inputs\.users"):
            mark(zoo, phantom, tmp_path, key=other)
    assert tree(folder) == before


def test_readers_that_are_none_are_refused_before_anything_is_written(zoo, phantom, tmp_path):
    for wrong in ("nobody.pub", "age1qqqq"):
        with pytest.raises(InputError, match="public key"):
            mark(zoo, phantom, tmp_path, key=KeyOptions(wrong))
    assert list(tmp_path.iterdir()) == []


def test_on_the_command_line(zoo, tmp_path, alice, capsys):
    words = f"attack --data Phantom --data.size 48 --data.train 0 --data.val 0 --data.test 4 --sources {zoo[0]}"
    words += f" --search random --run.name a --run.root {tmp_path} --run.wandb off --run.accelerator cpu"
    with pytest.raises(SystemExit) as stop:
        main([*words.split(), "--no_run.progress", "--key.to", str(alice.with_suffix(".pub"))])
    assert stop.value.code == 0
    folder, captured = tmp_path / "a", capsys.readouterr()
    assert "SECRET-KEY" not in captured.out + captured.err + (folder / "config.yaml").read_text()
    assert recover(folder / "a.miadkey", folder / "marked", tmp_path / "out", folder / "a.miadgrant", alice) == 4
