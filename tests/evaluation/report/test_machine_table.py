"""Machine and time of runs, side by side."""

import csv
import json

import pytest

from miad.evaluation.report import compare_runs, write_report

from .folders import ATTACK, FIT, MEASURES, make_run, row_of, table_of
from .reading import Page, body

DASH = "\N{EN DASH}"


def call(start="2026-01-01T08:30:00+00:00", seconds=60.0, **facts):
    return {"start": start, "seconds": seconds, "facts": {"computed on": "CPU", "torch": "2.0", **facts}}


def noted(folder, *calls, config=ATTACK):
    make_run(folder, config, MEASURES)
    (folder / "logs").mkdir()
    (folder / "logs" / "machine.json").write_text(json.dumps(calls))
    return folder


def machine(report, name):
    return row_of(report, "machine", name)


def test_facts_stand_a_column_a_run_and_those_unlike_the_first_are_marked(tmp_path):
    runs = [noted(tmp_path / "a", call()), noted(tmp_path / "b", call()), noted(tmp_path / "c", call(torch="2.1"))]
    report = compare_runs(runs)
    assert machine(report, "torch") == ({"machine": "torch", "a": "2.0", "b": "2.0", "c": "2.1"}, {"c": "differs"})
    assert machine(report, "computed on")[1] == {}


def test_the_time_of_a_resumed_run_is_that_of_all_its_calls(tmp_path):
    resumed = [call(), call("2026-01-03T00:00:00+02:00", 15.5, torch="2.1"), call(seconds=1.0)]
    report = compare_runs([noted(tmp_path / "a", *resumed), noted(tmp_path / "b", call(seconds=7.25))])
    assert machine(report, "time (s)") == ({"machine": "time (s)", "a": 76.5, "b": 7.25}, {})
    assert machine(report, "calls")[0]["a"] == 3
    assert machine(report, "start (UTC)")[0]["a"] == "2026-01-01 08:30"
    assert machine(report, "torch") == ({"machine": "torch", "a": "2.0; then 2.1", "b": "2.0"}, {"b": "differs"})


def test_starts_are_told_in_one_time(tmp_path):
    runs = [noted(tmp_path / "a", call("2026-01-01T00:30:00+02:00")), noted(tmp_path / "b", call())]
    entries, marks = machine(compare_runs(runs), "start (UTC)")
    assert (entries["a"], entries["b"], marks) == ("2025-12-31 22:30", "2026-01-01 08:30", {})


def test_runs_of_earlier_times_have_a_dash_and_differ_from_nothing(tmp_path):
    runs = [
        make_run(tmp_path / "old", ATTACK, MEASURES),
        noted(tmp_path / "new", call()),
        noted(tmp_path / "b", call()),
    ]
    report = compare_runs(runs)
    for name in ("start (UTC)", "time (s)", "calls", "computed on", "torch"):
        entries, marks = machine(report, name)
        assert entries["old"] == DASH
        assert marks == {}
    assert not any("old" in line and "machine" in line for line in report.summary)


def test_a_fact_that_only_some_runs_know(tmp_path):
    report = compare_runs([noted(tmp_path / "a", call()), noted(tmp_path / "b", call(accelerator="T4"))])
    assert machine(report, "accelerator") == ({"machine": "accelerator", "a": DASH, "b": "T4"}, {})


def test_where_no_run_tells_it_is_said(tmp_path):
    report = compare_runs([make_run(tmp_path / name, ATTACK, MEASURES) for name in "ab"])
    (section,) = [section for section in report.sections if section.title == "Machine and time"]
    assert section.words == ("None of these runs noted its machine or its time.",)
    assert section.blocks == ()


@pytest.mark.parametrize("data", [b"", b"[{", b"\xff\xfe", b'{"start": 1}'])
def test_a_damaged_note_is_missing_with_the_reason_and_the_rest_stays(tmp_path, data):
    runs = [noted(tmp_path / "a", call()), noted(tmp_path / "bad", call())]
    (runs[1] / "logs" / "machine.json").write_bytes(data)
    report = compare_runs(runs)
    assert machine(report, "torch")[0] == {"machine": "torch", "a": "2.0", "bad": None}
    assert any("bad: logs/machine.json: expected the calls of a run" in line for line in report.summary)
    assert row_of(report, "attack_measures", "share succeeded")[0]["bad"] == MEASURES["success_rate"]


def test_runs_of_several_commands_stand_in_one_table(tmp_path):
    report = compare_runs([noted(tmp_path / "a", call()), noted(tmp_path / "f", call(torch="2.1"), config=FIT)])
    assert [column.name for column in table_of(report, "machine").columns] == ["machine", "a", "f"]


def test_the_page_the_csv_and_the_latex_have_it(tmp_path):
    runs = [noted(tmp_path / "a", call(seconds=61.25)), noted(tmp_path / "b", call(torch="2.1_x"))]
    page = write_report(compare_runs(runs), tmp_path / "out")
    read = Page(page.read_text())
    shown = next(table for table in read.tables if table["caption"].endswith("Machine and time"))
    assert ["time (s)", "61.2", "60.0"] in body(shown)
    with (tmp_path / "out" / "tables" / "machine.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["machine"]: row for row in csv.DictReader(file)}
    assert float(rows["time (s)"]["a"]) == 61.25
    assert r"torch & 2.0 & \textbf{2.1\_x} \\" in (tmp_path / "out" / "tables" / "machine.tex").read_text()
