"""An online run that finds no key or no server says so in one line, and is kept offline."""

import re

import pytest
import wandb

from miad.tracking import Labels, close_loggers, publish_measures, run_loggers

from .offline import ended_records, history, started

KEY = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    wandb.teardown()  # W&B's helper process keeps the settings that it was started with
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("miad.tracking.loggers._PATIENCE", 1.0)
    yield tmp_path
    wandb.teardown()


@pytest.mark.parametrize("key", ["", "short", KEY], ids=["no key", "a key of another kind", "no server"])
def test_the_run_goes_on_offline_and_nothing_is_lost(place, monkeypatch, capfd, key):
    monkeypatch.setenv("WANDB_API_KEY", key)
    folder = place / "run"
    labels = Labels("attack", "group", ("one", "two"))
    loggers = run_loggers(folder, "name", "project", "online", {"data": "/home/nobody/scans.csv"}, labels)
    publish_measures(folder, loggers, {"success_rate": 0.25})
    close_loggers(loggers)
    records = ended_records(folder)
    run = started(records)
    assert (run.display_name, run.project, run.run_group, run.job_type) == ("name", "project", "group", "attack")
    assert list(run.tags) == ["one", "two"]
    assert history(records)["success_rate"] == 0.25
    out, err = capfd.readouterr()
    assert re.fullmatch(
        r"W&B can not be used online \(.+\); the run is kept offline, 'wandb sync \S+' sends it later\n", err
    )
    assert out == ""
    assert [path.name.split("-")[0] for path in folder.glob("wandb/*run-*")] == ["offline"]


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
