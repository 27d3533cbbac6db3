"""``miad report --compare`` on runs that the command line made."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from miad.cli import main
from miad.cli.execute import _shortcuts
from miad.evaluation.calls import read_calls

QUIET = ["--run.accelerator", "cpu", "--run.wandb", "off", "--no_run.progress"]
IMAGES = ["--data", "Phantom", "--data.kind", "brain", "--data.size", "48"]


def run(*words):
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    return stop.value.code


def attack(root, name, source, *options):
    counts = ["--data.train", "0", "--data.val", "0", "--data.test", "8"]
    where = ["--sources", source, "--run.root", root, "--run.name", name, "--pictures", "0"]
    assert run("attack", *IMAGES, *counts, *where, "--search", "random", *QUIET, *options) == 0


@pytest.fixture(scope="module")
def runs(tmp_path_factory, zoo):
    """Two attacks that differ in two settings, and a test of a classifier."""
    root = tmp_path_factory.mktemp("runs")
    attack(root, "a", zoo[0])
    attack(root, "b", zoo[0], "--search.draws", "3", "--alpha_max", "200")
    counts = ["--data.train", "0", "--data.val", "0", "--data.test", "8"]
    assert (
        run(
            "test",
            "classifier",
            *IMAGES,
            *counts,
            "--checkpoint",
            zoo[0],
            "--run.root",
            root,
            "--run.name",
            "t",
            *QUIET,
        )
        == 0
    )
    return root


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def table(folder, name):
    with (folder / "tables" / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def measured(run):
    with (run / "metrics.csv").open(newline="") as file:
        return {row["measure"]: float(row["value"]) for row in csv.DictReader(file)}


def test_settings_that_differ_are_found_and_only_those(runs):
    assert run("report", "--compare", runs / "a", runs / "b") == 0
    rows = {row["setting"]: (row["a"], row["b"]) for row in table(Path("runs/report"), "attack_settings")}
    assert rows == {"search.init_args.draws": ("1", "3"), "alpha_max": ("220", "200")}


def test_its_numbers_are_those_of_the_runs(runs, tmp_path):
    assert run("report", "--compare", runs / "a", runs / "b", "--out", tmp_path / "out") == 0
    rows = {row["measure"]: row for row in table(tmp_path / "out", "attack_measures")}
    for column in "ab":
        found = measured(runs / column)
        assert float(rows["share succeeded"][column]) == found["success_rate"]
        assert float(rows["PSNR (dB)"][column]) == found["psnr"]


def test_all_runs_of_a_folder_and_what_is_none(runs, tmp_path, capsys):
    (tmp_path / "no run").mkdir()
    words = ["report", "--compare", *sorted(runs.iterdir()), tmp_path / "no run", "--out", tmp_path / "out"]
    assert run(*words) == 0
    out = capsys.readouterr().out
    assert f"left out: {tmp_path / 'no run'}: expected a run's folder" in out
    assert out.splitlines()[-1] == f"Comparison of 3 runs: {tmp_path / 'out' / 'report.html'}"
    assert [row["run"] for row in table(tmp_path / "out", "runs")] == ["a", "b", "t"]


def test_the_terminal_tells_that_runs_are_not_alike(runs, zoo, tmp_path, capsys):
    attack(tmp_path, "other", zoo[0], "--data.seed", "7")
    half = shutil.copytree(runs / "b", tmp_path / "half")
    text = (half / "metrics.csv").read_text()
    (half / "metrics.csv").write_text(text[: text.rindex(",") + 2])
    capsys.readouterr()
    assert run("report", "--compare", runs / "a", tmp_path / "other", half, "--out", tmp_path / "out") == 0
    out = capsys.readouterr().out
    assert "Attack: 3 runs (a, other, half). They measured on different images" in out
    assert "Missing or damaged, and shown as missing: half: metrics.csv: cut off in line" in out
    page = (tmp_path / "out" / "report.html").read_text()
    assert "They measured on different images" in page
    assert "best of its row" not in page


def test_what_computed_the_runs_is_told(runs, tmp_path):
    assert run("report", "--compare", runs / "a", runs / "b", "--out", tmp_path / "out") == 0
    rows = {row["machine"]: row for row in table(tmp_path / "out", "machine")}
    assert rows["computed on"] == {"machine": "computed on", "a": "CPU", "b": "CPU"}
    for name in "ab":
        (call,) = read_calls(runs / name)
        assert float(rows["time (s)"][name]) == call.seconds > 0


def test_the_report_s_own_folder_is_no_run_to_compare(runs, tmp_path):
    """runs/* names it, too, when it is made again."""
    out = tmp_path / "report"
    for _ in range(2):
        assert run("report", "--compare", runs / "a", runs / "b", *([out] if out.exists() else []), "--out", out) == 0
    assert not (out / "tables" / "left_out.csv").exists()


@pytest.mark.parametrize("words", [["{0}/a,{0}/b"], ["{0}/a, {0}/b"], ["{0}/[ab]"], ["{0}/a", "{0}/b,{0}/a"]])
def test_commas_and_patterns_that_the_shell_left_alone(runs, tmp_path, words):
    assert run("report", "--out", tmp_path / "out", "--compare", *(word.format(runs) for word in words)) == 0
    assert [row["run"] for row in table(tmp_path / "out", "runs")] == ["a", "b"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "compare"),
        (["--compare"], "--compare expects folders of runs (runs/a runs/b, or runs/*), found none"),
        (["--compare", "--out", "x"], "--compare expects folders of runs"),
        (["--compare", ""], "expected two or more runs to compare, found 0"),
        (["--compare", "nowhere", "{0}/a"], "nowhere: no such folder"),
        (["--compare", "x*"], "found nothing that fits 'x*'"),
        (["--compare", "{0}/a"], "expected two or more runs to compare, found 1; give further folders, or runs/*"),
        (["--compare", "{0}/a", "{0}/a"], "expected two or more runs to compare, found 1, named twice"),
        (["--compare", "{0}/a", "--out"], "--out expects a value, found none"),
        (["--compare", "{0}", "{0}/a"], "found a folder of runs; give {0}/*"),
        (["--compare", "{0}/a", "{0}/b", "--outt", "x"], "did you mean --out?"),
    ],
)
def test_bad_words_are_answered_in_one_line(runs, tmp_path, capsys, words, message):
    assert run("report", *(word.format(runs) for word in words)) == 2
    error = capsys.readouterr().err
    assert message.format(runs) in error
    assert error.count("\n") == 1
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--compare", "a"], ["--compare", ["a"]]),
        (["--compare", "a", "b", "--out", "c"], ["--compare", ["a", "b"], "--out", "c"]),
        (["--compare=a", "b"], ["--compare", ["a", "b"]]),
        (["--out", "c", "--compare", "1", "null", "x y"], ["--out", "c", "--compare", ["1", "null", "x y"]]),
        (["--compare", "--out", "c"], ["--compare", "--out", "c"]),
        (["--data", "a.csv"], ["--data", "Table", "--data.csv", "a.csv"]),
    ],
)
def test_all_words_after_compare_are_one_list(words, expected):
    assert _shortcuts(words) == [json.dumps(one) if isinstance(one, list) else one for one in expected]
