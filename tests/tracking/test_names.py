"""Every command logs the names that the one table of names gives it, and no others, with the numbers of its files."""

import json
import re
from fnmatch import fnmatchcase
from typing import get_args

import pytest
import wandb

from miad.cli import main
from miad.search import SEARCHES
from miad.tracking.names import BEST, CHARTS, LOGGED, MEDIA
from miad.tracking.sections import COLUMNS, SECTIONS, logged_by, names_of, overview
from miad.vaccine import VaccineName
from tests.commands.conftest import save_remover, save_run

from .offline import ended_records, history, key_of, measures, same, started

OWN = ("trainer/global_step", "epoch", "_step", "_timestamp", "_runtime", "_wandb")
"""Lightning's and W&B's."""
DATA = "--data Phantom --data.size 48 --data.train 8 --data.val 4 --data.test 12 --data.batch_size 4"
ENDS = "--run.root runs --no_run.progress --run.accelerator cpu --run.group drawn --run.tags first,second"
TRAINING = "--epochs 1"
COMMANDS = {
    "fit classifier": f"{TRAINING} --model.backbone test_resnet --model.size 32",
    "test classifier": "--checkpoint one",
    "fit segmenter": f"{TRAINING} --model.encoder tu-test_resnet --model.size 64 --model.width 32",
    "test segmenter": "--checkpoint runs/fit-segmenter",
    "fit remover": f"{TRAINING} --model.network wdnet --model.base_channels 4",
    "test remover": "--checkpoint wdnet",
    "attack": "--sources one --unseen two --search random --pictures 2",
    "evaluate transfer": "--models one,two --searches random,he --stop.budget 8",
    "evaluate removal": "--attack runs/attack --models one --removers wdnet --status marked --vaccines none,noise "
    "--removed_by median:3",
}
ASKED = ("random", "he", "none", "noise")
"""Searches and vaccines."""


@pytest.fixture(scope="module", autouse=True)
def place(tmp_path_factory):
    """A folder with two classifiers and a remover in it."""
    folder = tmp_path_factory.mktemp("names")
    save_run(folder / "one", 1)
    save_run(folder / "two", 2)
    save_remover(folder / "wdnet", "wdnet", 4)
    patch = pytest.MonkeyPatch()
    wandb.teardown()
    patch.chdir(folder)
    patch.setenv("HOME", str(folder))
    yield folder
    wandb.teardown()
    patch.undo()


@pytest.fixture(scope="module")
def runs(place):
    """The folder and the records of a run of every command."""
    found = {}
    for command, words in COMMANDS.items():
        name = command.replace(" ", "-")
        with pytest.raises(SystemExit) as stop:
            main([*command.split(), *DATA.split(), *words.split(), "--run.name", name, *ENDS.split()])
        assert stop.value.code == 0, command
        folder = place / "runs" / name
        found[command] = folder, ended_records(folder)
    return found


def numbers(records):
    """Names of the numbers that were logged."""
    logged = history(records)
    media = {name.removesuffix("/_type") for name in logged if name.endswith("/_type")}
    return {name for name in logged if name not in OWN and not name.startswith(tuple(f"{one}/" for one in media))}


def wanted(names):
    """Those of a table that have one number or picture, without what belongs to searches and vaccines not asked for."""
    others = {*SEARCHES, *get_args(VaccineName)} - set(ASKED)
    return {name for name in names if not name.endswith("*") and re.split("/(?:matrix_)?", name)[-1] not in others}


def test_every_command_is_in_the_table():
    assert COMMANDS.keys() == LOGGED.keys()


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_logs_the_numbers_of_the_table_and_no_others(runs, command):
    logged = numbers(runs[command][1])
    assert wanted(LOGGED[command]) <= logged
    assert not [name for name in logged if not any(fnmatchcase(name, pattern) for pattern in LOGGED[command])]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_logs_the_charts_and_pictures_of_the_table_and_no_others(runs, command):
    logged = history(runs[command][1])
    charts = {name.removesuffix("_table/_type") for name in logged if name.endswith("_table/_type")}
    assert charts - {"transfer/matrix"} == set(CHARTS.get(command, ()))  # that one is a table and no more
    media = {
        name.removesuffix("/_type") for name in logged if name.endswith("/_type") and not name.endswith("table/_type")
    }
    media |= {"marked/table"} & {name.removesuffix("/_type") for name in logged}
    assert media == wanted(MEDIA.get(command, ()))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_numbers_of_the_metrics_file_are_those_that_were_logged(runs, command):
    folder, records = runs[command]
    logged, expected = history(records), measures(folder)
    assert len(expected) > 3
    assert not [name for name, value in expected.items() if not same(logged[name], value)]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_run_has_its_type_of_job_its_group_and_its_tags(runs, command):
    run = started(runs[command][1])
    assert (run.job_type, run.run_group, run.display_name) == (command, "drawn", command.replace(" ", "-"))
    assert {"Phantom", "first", "second"} < set(run.tags)


@pytest.mark.parametrize("command", COMMANDS)
def test_no_table_is_kept_outside_of_the_run(runs, place, command):
    assert "artifact" not in {record.WhichOneof("record_type") for record in runs[command][1]}
    assert not [path for path in place.glob(".local/**/*") if path.is_file()]
    assert not [path for path in place.glob(".cache/**/*") if path.is_file() and path.suffix != ".log"]


def test_the_summary_of_a_training_has_its_best_validation_scores(runs):
    summary = {}
    for record in runs["fit classifier"][1]:
        summary |= {key_of(item): item.value_json for item in record.summary.update}
    for name in ("val/accuracy", "val/loss"):
        assert json.loads(summary[name]).keys() == {BEST[name], "last"}


def test_a_dashboard_shows_only_what_its_commands_log():
    for section in SECTIONS:
        logged = {name for job in section.jobs for name in logged_by(job)}
        assert section.panels
        assert set(names_of(section)) <= logged, section.title
        assert set(section.jobs) <= LOGGED.keys()
    assert set(COLUMNS) <= {name for names in LOGGED.values() for name in names}


def test_a_dashboard_as_text_has_every_panel_and_name():
    text = overview()
    for section in SECTIONS:
        assert section.words in text
        assert all(panel.title in text for panel in section.panels)
        assert all(name in text for name in names_of(section))
