"""A run's folder tells on what it was made and how long that took, over all of its calls."""

import getpass
import re
import socket
import time

import pytest

from miad.cli import main
from miad.commands.run import Run, release, release_folders
from miad.errors import RunError
from miad.evaluation.calls import CALLS, read_calls

from .conftest import going_down_half_way, quiet

ATTACK = ["attack", "--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0"]
ATTACK += ["--data.test", "6", "--search", "random", "--images", "2", "--pictures", "0"]
QUIET = ["--run.wandb", "off", "--no_run.progress", "--run.accelerator", "cpu"]


def call(*words):
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return stop.value.code


@pytest.fixture
def attack_words(zoo, tmp_path):
    return [*ATTACK, "--sources", zoo[0], "--run.name", "a", "--run.root", tmp_path, *QUIET]


def test_the_time_is_that_for_which_the_folder_was_held(tmp_path):
    run = quiet("a", tmp_path)
    before = time.perf_counter()
    run.open()
    time.sleep(0.2)
    run.open()  # of the same call
    release(run.folder)
    longest = time.perf_counter() - before
    (noted,) = read_calls(run.folder)
    assert 0.2 <= noted.seconds <= longest
    assert noted.facts["computed on"] == "CPU"


@pytest.mark.parametrize(
    ("options", "given", "noted"),
    [
        ({}, {}, ("CPU", "32-true")),
        ({"precision": "bf16-mixed"}, {}, ("CPU", "bf16-mixed")),
        ({}, {"precision": "bf16-mixed"}, ("CPU", "bf16-mixed")),
        ({"precision": "bf16-mixed", "devices": 2}, {"precision": "32-true", "devices": 1}, ("CPU", "32-true")),
        ({"devices": 2}, {}, ("2 x CPU", "32-true")),
    ],
)
def test_what_the_trainer_computes_on_and_in_is_noted_before_it_begins(tmp_path, options, given, noted):
    run = quiet("a", tmp_path, **options)
    run.open()
    run.trainer(**given)
    (call,) = read_calls(run.folder)
    assert (call.facts["computed on"], call.facts["precision"]) == noted
    release(run.folder)


def test_an_attack_that_was_cut_off_and_goes_on_has_two_calls(attack_words, tmp_path):
    with going_down_half_way():
        main([str(word) for word in attack_words])
    release_folders()
    (first,) = read_calls(tmp_path / "a")
    assert call(*attack_words) == 0
    calls = read_calls(tmp_path / "a")
    assert calls[0] == first
    assert [noted.seconds > 0 for noted in calls] == [True, True]


def test_a_run_that_is_finished_is_not_made_longer_by_asking_again(attack_words, tmp_path):
    assert call(*attack_words) == 0
    before = (tmp_path / "a" / CALLS).read_bytes()
    assert call(*attack_words) == 2
    assert (tmp_path / "a" / CALLS).read_bytes() == before
    assert not (tmp_path / "a" / "lock").exists()


def test_a_run_of_earlier_times_goes_on_from_none(tmp_path):
    run = quiet("a", tmp_path)
    run.open()
    release(run.folder)
    (run.folder / CALLS).unlink()
    run.open()
    release(run.folder)
    assert len(read_calls(run.folder)) == 1


def test_a_damaged_note_refuses_the_run_in_one_line_and_lets_the_folder_go(tmp_path):
    run = quiet("a", tmp_path)
    run.open()
    release(run.folder)
    (run.folder / CALLS).write_text("[{")
    with pytest.raises(RunError, match=r"\A.*logs/machine.json: expected the calls of a run.*delete.*\Z"):
        Run("a", tmp_path, accelerator="cpu").open()
    release_folders()
    assert not (run.folder / "lock").exists()


def test_no_name_of_a_machine_or_a_user_and_no_path_is_noted(attack_words, tmp_path):
    assert call(*attack_words) == 0
    text = (tmp_path / "a" / CALLS).read_text()
    assert str(tmp_path) not in text
    for name in (socket.gethostname(), getpass.getuser()):
        assert not re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", text)
