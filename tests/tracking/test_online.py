"""An online run that finds no key or no server says so in one line, and is kept offline."""

import re

import pytest
import wandb

from miad.tracking import Labels, close_loggers, publish_measures, run_loggers

from .offline import ended_records, history, started

KEY = "0123456789abcdef0123456789abcdef01234567"
LABELS = Labels("attack", "group", ("one", "two"))


CLOSED = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    wandb.teardown()  # W&B's helper process keeps the settings that it was started with
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", CLOSED)
    monkeypatch.setattr("miad.tracking.loggers._PATIENCE", 1.0)
    monkeypatch.setattr("miad.tracking.loggers._REFUSED", set())  # as a process begins
    yield tmp_path
    wandb.teardown()


def log(folder, number, labels=LABELS):
    loggers = run_loggers(folder, "name", "project", "online", {"data": "/home/nobody/scans.csv"}, labels)
    publish_measures(folder, loggers, {"success_rate": number})
    close_loggers(loggers)


def assert_kept_offline(folder, number):
    records = ended_records(folder)
    run = started(records)
    assert (run.display_name, run.project, run.run_group, run.job_type) == ("name", "project", "group", "attack")
    assert list(run.tags) == ["one", "two"]
    assert history(records)["success_rate"] == number
    assert [path.name.split("-")[0] for path in folder.glob("wandb/*run-*")] == ["offline"]


def assert_one_line(captured):
    assert captured.out == ""
    assert re.fullmatch(
        r"W&B can not be used online \(.+\); this command's runs are kept offline, "
        r"'wandb sync \S+' sends this one later\n",
        captured.err,
    )


@pytest.mark.parametrize("key", ["", "short", KEY], ids=["no key", "a key of another kind", "a key"])
def test_a_run_goes_on_offline_where_the_server_is_no_use_and_nothing_is_lost(
    place, silent_server, monkeypatch, capfd, key
):
    monkeypatch.setenv("WANDB_BASE_URL", silent_server)
    monkeypatch.setenv("WANDB_API_KEY", key)
    log(place / "run", 0.25)
    assert_kept_offline(place / "run", 0.25)
    assert_one_line(capfd.readouterr())


@pytest.mark.parametrize("server", [CLOSED, "http://nowhere.invalid"])
def test_without_a_server_no_run_is_begun_online(place, monkeypatch, capfd, server):
    monkeypatch.setenv("WANDB_BASE_URL", server)
    modes = watched_modes(monkeypatch)
    log(place / "run", 0.25)
    assert_kept_offline(place / "run", 0.25)
    captured = capfd.readouterr()
    assert_one_line(captured)
    assert f"(no answer from {server.partition('//')[2].partition(':')[0]}" in captured.err
    assert modes == ["offline"]


def watched_modes(monkeypatch):
    """How runs are begun from here on."""
    modes, begin = [], wandb.init

    def init(**options):
        modes.append(options["mode"])
        return begin(**options)

    monkeypatch.setattr(wandb, "init", init)
    return modes


def test_a_proxy_is_left_to_wandb(place, monkeypatch, capfd):
    monkeypatch.setenv("WANDB_BASE_URL", "http://nowhere.invalid")
    monkeypatch.setenv("http_proxy", CLOSED)
    modes = watched_modes(monkeypatch)
    log(place / "run", 0.25)
    assert_kept_offline(place / "run", 0.25)
    assert_one_line(capfd.readouterr())
    assert modes == ["online", "offline"]


@pytest.mark.parametrize("silent", [False, True])
def test_later_runs_of_a_process_do_not_try_again_and_say_nothing(place, silent_server, monkeypatch, capfd, silent):
    if silent:
        monkeypatch.setenv("WANDB_BASE_URL", silent_server)
    modes = watched_modes(monkeypatch)
    for number in range(3):
        log(place / f"run{number}", number / 4)
    assert_one_line(capfd.readouterr())
    assert modes == ["online", "offline", "offline", "offline"][not silent :]
    for number in range(3):
        assert_kept_offline(place / f"run{number}", number / 4)


def test_another_server_is_asked_again(place, silent_server, monkeypatch):
    log(place / "one", 0.25)
    wandb.teardown()
    monkeypatch.setenv("WANDB_BASE_URL", silent_server)
    modes = watched_modes(monkeypatch)
    log(place / "two", 0.5)
    assert modes == ["online", "offline"]


def test_a_run_that_began_online_keeps_its_id_offline(place, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "")
    folder = place / "run"
    ids = set()
    for mode in ("offline", "online"):
        loggers = run_loggers(folder, "name", "project", mode, None, Labels())
        ids.add(loggers[1].experiment.id)
        close_loggers(loggers)
    assert len(ids) == 1
    assert ids == {(folder / "logs" / "wandb-id").read_text()}
