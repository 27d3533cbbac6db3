"""Folders that are no runs, or whose files are missing or damaged: a line, or missing with the reason."""

import pytest

from miad.errors import InputError
from miad.evaluation.report import compare_runs

from .folders import ATTACK, FIT, MEASURES, make_run, row_of, table_of, write_rows

SHORT = "measure,value\nimages,20.0\nsuccess_rate,0.2"


@pytest.fixture
def good(tmp_path):
    return make_run(tmp_path / "good", ATTACK, MEASURES, ["attack.csv"])


def damaged(folder, name, data):
    make_run(folder, ATTACK, MEASURES, ["attack.csv"])
    if data is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "metrics.csv: not there; the run has not ended"),
        (SHORT.encode(), "metrics.csv: cut off in line 3"),
        (b"", "metrics.csv: expected columns measure, value, found none"),
        (b"measure,value\nimages\n", "metrics.csv: expected 2 entries in line 2, found 1"),
        (b"measure,value\nimages,many\n", "metrics.csv: expected a number, found 'many'"),
        (b"image,label\n1,0\n", "metrics.csv: expected columns measure, value, found image, label"),
        (b'measure,value\n"images,20.0\n', "metrics.csv: line 2 is no CSV (unexpected end of data)"),
        (b"\xff\xfe\x00", "metrics.csv: no text"),
    ],
)
def test_measures_that_can_not_be_read_are_missing_with_the_reason(good, tmp_path, data, reason):
    report = compare_runs([good, damaged(tmp_path / "bad", "metrics.csv", data)])
    entries, marks = row_of(report, "attack_measures", "share succeeded")
    assert (entries["good"], entries["bad"], entries["difference"], marks) == (0.25, None, None, {})
    assert table_of(report, "runs").rows[1][-1] == reason
    assert any(f"bad: {reason}" in line for line in report.summary)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (None, "config.yaml: not there"),
        (b"a: [1, 2\nb: 3\n", "config.yaml: no YAML in line 2"),
        (b"just text\n", "config.yaml: expected options and values, found str"),
        (b"", "config.yaml: expected options and values, found NoneType"),
        (b"\xff\xfe", "config.yaml: no text"),
    ],
)
def test_settings_that_can_not_be_read_are_missing_and_the_numbers_stay(good, tmp_path, data, reason):
    other = make_run(tmp_path / "other", ATTACK | {"ensemble": True}, MEASURES, ["attack.csv"])
    report = compare_runs([good, other, damaged(tmp_path / "bad", "config.yaml", data)])
    assert row_of(report, "attack_measures", "share succeeded")[0]["bad"] == 0.25
    assert table_of(report, "attack_settings").rows == (("ensemble", "false", "true", None),)
    assert "(bad)" in table_of(report, "attack_settings").note
    assert table_of(report, "runs").rows[2][-1] == reason
    assert "is not known" in report.summary[0]


def test_runs_without_any_measure_are_said_to_have_none(tmp_path):
    runs = [make_run(tmp_path / name, ATTACK) for name in "ab"]
    report = compare_runs(runs)
    assert "None of these runs has measures yet." in report.sections[0].words


def test_a_damaged_log_is_left_out_of_the_curves_with_the_reason(tmp_path):
    runs = [make_run(tmp_path / name, FIT, {"val/accuracy": 0.5}) for name in "ab"]
    rows = [(0, 1, 0.25), (1, 2, 0.5)]
    for folder in runs:
        write_rows(folder / "logs/version_0/metrics.csv", ("epoch", "step", "val/accuracy"), rows)
    (runs[1] / "logs/version_0/metrics.csv").write_text("epoch,step,val/accuracy\n0,1,0.2")
    report = compare_runs(runs)
    assert report.figures[0].text == "A line for each run. a ends at 0.500 after 2 epochs."
    assert any("b: metrics.csv: cut off in line 2" in line for line in report.summary)


@pytest.mark.parametrize(
    "text", ["class,false_positive_rate\n", "class,false_positive_rate,true_positive_rate\na,0,x\n"]
)
def test_a_damaged_roc_is_left_out_with_the_reason(tmp_path, text):
    runs = [make_run(tmp_path / name, {"inputs": {}}, {"test/accuracy": 0.5}) for name in "ab"]
    for folder in runs:
        (folder / "roc.csv").write_text(text)
    report = compare_runs(runs)
    assert report.figures == ()
    assert any("a: roc.csv: expected" in line and "b: roc.csv: expected" in line for line in report.summary)


def test_folders_that_are_no_runs_are_listed(good, tmp_path):
    other = make_run(tmp_path / "other", ATTACK, MEASURES)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    make_run(tmp_path / "cells" / "one", ATTACK)
    report = compare_runs([good, other, tmp_path / "notes.txt", tmp_path / "empty", tmp_path / "cells"])
    assert len(table_of(report, "runs").rows) == 2
    assert table_of(report, "left_out").rows == (
        (str(tmp_path / "notes.txt"), "expected a run's folder, found a file"),
        (str(tmp_path / "empty"), "expected a run's folder, found neither config.yaml nor metrics.csv in it"),
        (str(tmp_path / "cells"), f"expected a run's folder, found a folder of runs; give {tmp_path / 'cells'}/*"),
    )
    assert any("Folders that are no runs: 3" in line for line in report.summary)


def test_a_folder_that_is_not_there_is_refused_in_one_line(good, tmp_path):
    with pytest.raises(InputError, match="nowhere: no such folder; expected runs to compare") as refusal:
        compare_runs([good, tmp_path / "nowhere"])
    assert "\n" not in str(refusal.value)


def test_fewer_than_two_runs_are_refused_with_the_reasons(good, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"two or more runs to compare, found 1; .*empty: expected a run's folder"):
        compare_runs([good, tmp_path / "empty"])
    with pytest.raises(InputError, match="found 0"):
        compare_runs([])
