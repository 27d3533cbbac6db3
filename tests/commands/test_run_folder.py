"""A run's folder holds one run: another is refused, a disturbed one can be finished."""

import errno
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import wandb
from PIL import Image

from miad.cli import main
from miad.commands.run import Run
from miad.errors import RunError
from miad.imaging import atomic_path
from miad.tasks import ClassifierTask

from .conftest import tree

QUIET = ["--run.wandb", "off", "--no_run.progress", "--run.accelerator", "cpu"]
FIT = ["fit", "classifier", "--data", "Phantom", "--data.size", "32", "--data.train", "9", "--data.val", "6"]
FIT += ["--data.test", "0", "--data.batch_size", "9", "--model.backbone", "test_resnet", "--model.size", "32"]
FIT += ["--epochs", "1"]
ATTACK = ["attack", "--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0"]
ATTACK += ["--data.test", "6", "--search", "random", "--images", "2"]


def call(*words):
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return stop.value.code


def refused(capsys, *words):
    capsys.readouterr()
    code, err = call(*words), capsys.readouterr().err
    assert code == 2, err
    assert err.startswith("miad: error: "), err
    assert err.count("\n") == 1
    return err


@pytest.fixture
def attack_words(zoo, tmp_path):
    return [*ATTACK, "--sources", zoo[0], "--run.name", "a", "--run.root", tmp_path, *QUIET]


@pytest.fixture
def fit_words(tmp_path):
    return [*FIT, "--run.name", "a", "--run.root", tmp_path, *QUIET]


@pytest.fixture
def stopped(tmp_path, fit_words, monkeypatch):
    """The folder of a training that was stopped at once."""

    def stop(self, batch, index):
        raise RuntimeError("the machine goes down")

    with monkeypatch.context() as patch:
        patch.setattr(ClassifierTask, "training_step", stop)
        with pytest.raises(RuntimeError, match="goes down"):
            main([str(word) for word in fit_words])
    return tmp_path / "a"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--epochs", "2"], "epochs is 1 there and 2 here"),
        (["--model.lr", "0.5"], "model.lr is 0.001 there and 0.5 here"),
        (["--data.seed", "7"], "data.init_args.seed is 2023 there and 7 here"),
        (["--run.seed", "7"], "run.seed is 2023 there and 7 here"),
        (["--run.precision", "bf16-mixed"], "run.precision is auto there and bf16-mixed here"),
        (["--data.train", "12", "--epochs", "2"], "data.init_args.train is 9 there and 12 here"),
    ],
)
def test_a_different_run_is_refused_naming_the_first_option_that_differs(stopped, fit_words, capsys, words, expected):
    before = tree(stopped)
    err = refused(capsys, *fit_words, *words)
    assert f"holds a different run: {expected}; give another --run.name" in err
    assert tree(stopped) == before


def test_another_command_is_a_different_run(stopped, attack_words, capsys):
    before = tree(stopped)
    assert "holds a different run" in refused(capsys, *attack_words)
    assert tree(stopped) == before


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--run.wandb", "offline"],
        ["--run.progress"],
        ["--data.workers", "1"],
        ["--run.project", "other"],
    ],
    ids=" ".join,
)
def test_options_that_do_not_change_the_results_may_differ(stopped, fit_words, monkeypatch, words):
    monkeypatch.setenv("HOME", str(stopped.parent))
    assert call(*fit_words, *words) == 0
    wandb.teardown()
    assert (stopped / "metrics.csv").is_file()


@pytest.mark.parametrize("command", ["fit", "attack"])
def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path, fit_words, attack_words, capsys, command):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis.txt").write_text("mine")
    err = refused(capsys, *(fit_words if command == "fit" else attack_words))
    assert "found other files; give another --run.name" in err
    assert tree(tmp_path / "a") == {"thesis.txt": b"mine"}


@pytest.mark.parametrize("text", ["- a list\n", "just words\n", "{unclosed: [", "\x00\x01"])
def test_a_config_file_of_something_else_is_refused_in_one_line(tmp_path, fit_words, capsys, text):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "config.yaml").write_text(text)
    err = refused(capsys, *fit_words)
    assert "config.yaml" in err or "different run" in err
    assert tree(tmp_path / "a") == {"config.yaml": text.encode()}


def test_an_empty_folder_is_taken(tmp_path, attack_words):
    (tmp_path / "a").mkdir()
    assert call(*attack_words) == 0


def test_a_regular_file_where_the_root_would_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("mine")
    for root in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(RunError, match=r"\A.*file.*\Z"):
            Run("a", root).open()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"file": "mine"}


def test_a_regular_file_where_the_run_would_be_is_refused(tmp_path):
    (tmp_path / "a").write_text("mine")
    with pytest.raises(RunError, match=r"\A.*\Z"):
        Run("a", tmp_path).open()
    assert (tmp_path / "a").read_text() == "mine"


@pytest.mark.parametrize("command", ["fit", "attack"])
def test_a_root_that_can_not_be_made_is_one_line(tmp_path, fit_words, attack_words, capsys, command):
    (tmp_path / "file").write_text("mine")
    words = fit_words if command == "fit" else attack_words
    assert "file" in refused(capsys, *words, "--run.root", tmp_path / "file")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def full(limit):
    """Pillow's save, on a disk that is full after some pictures: the last one is left cut short."""
    original, written = Image.Image.save, []

    def save(self, path, *arguments, **options):
        written.append(path)
        if len(written) > limit:
            with open(path, "wb") as file:  # noqa: PTH123  (as Pillow does)
                file.write(b"\x89PNG")
            raise OSError(errno.ENOSPC, "No space left on device")
        original(self, path, *arguments, **options)

    return save


@pytest.fixture
def undisturbed(attack_words, tmp_path):
    assert call(*attack_words, "--run.root", tmp_path / "undisturbed") == 0
    return tree(tmp_path / "undisturbed" / "a")


def without_root(files):
    """A run's files, but for the line of its configuration that says where it is."""
    lines = files["config.yaml"].decode().splitlines()
    return {**files, "config.yaml": [line for line in lines if not line.strip().startswith("root:")]}


def files_of(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("limit", [0, 1, 2, 5])
def test_a_full_disk_is_one_line_and_the_run_can_be_finished(
    tmp_path, attack_words, undisturbed, capsys, monkeypatch, limit
):
    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", full(limit))
        err = refused(capsys, *attack_words)
    assert "No space left on device" in err
    left = files_of(tmp_path / "a")
    assert not [name for name in left if "draft" in name]
    marked = {name: data for name, data in tree(tmp_path / "a").items() if name.startswith("marked/")}
    assert marked.items() <= undisturbed.items()
    assert "metrics.csv" not in left
    assert call(*attack_words) == 0
    assert without_root(tree(tmp_path / "a")) == without_root(undisturbed)


@pytest.mark.parametrize("name", ["attack.csv", "predictions.csv", "a.miadkey", "metrics.csv", "config.yaml"])
def test_a_disk_that_is_full_at_a_closing_file_is_one_line_and_the_run_can_be_finished(
    tmp_path, attack_words, undisturbed, capsys, monkeypatch, name
):
    original = Path.replace

    def replace(self, target):
        if Path(target).name == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", replace)
        assert name in refused(capsys, *attack_words)
    left = files_of(tmp_path / "a")
    assert name not in left
    assert not [file for file in left if "draft" in file]
    assert call(*attack_words) == 0
    assert without_root(tree(tmp_path / "a")) == without_root(undisturbed)


def test_a_disk_that_is_full_at_the_journal_or_the_key_is_one_line(
    tmp_path, attack_words, undisturbed, capsys, monkeypatch
):
    connect = sqlite3.connect

    def small(*arguments, **options):
        database = connect(*arguments, **options)
        database.execute("PRAGMA max_page_count = 1")  # sqlite then says that the disk is full
        return database

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", small)
        assert "full" in refused(capsys, *attack_words)
    assert not [file for file in files_of(tmp_path / "a") if "draft" in file]
    assert call(*attack_words) == 0
    assert without_root(tree(tmp_path / "a")) == without_root(undisturbed)


def test_two_processes_do_not_share_a_run(tmp_path, attack_words, capsys):
    """The second is refused while the first lives, and touches nothing of it; however it ends, the run can go on."""
    assert call(*attack_words) == 0
    folder = tmp_path / "a"
    assert not (folder / "lock").exists()
    (folder / "metrics.csv").unlink()
    hold = f"from filelock import FileLock; lock = FileLock({str(folder / 'lock')!r}); lock.acquire()"
    words = [sys.executable, "-c", f"{hold}; print('held', flush=True); import time; time.sleep(300)"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        with atomic_path(folder / "metrics.csv") as draft:
            draft.write_text("what the other is about to write")
            assert "another process works in it" in refused(capsys, *attack_words)
            assert draft.exists()
        (folder / "metrics.csv").unlink()
        other.kill()
    assert call(*attack_words) == 0
    assert not (folder / "lock").exists()
