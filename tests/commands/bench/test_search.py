"""The bench of the engine shows what it measured; how fast it is, no test asks."""

import json

import pytest
import torch

from miad.commands.bench.bare_forward import WAYS
from miad.commands.bench.search import search
from miad.search import HeuristicEvolution

from ..conftest import assert_agree

HE = HeuristicEvolution(population=3, generations=1)
NAMES = ("forward", "engine", "pruned", "one_by_one")


@pytest.fixture
def sources(zoo):
    return f"{zoo[0]},{zoo[1]}"


def test_the_table_and_the_file_agree(sources, phantom, shown, tmp_path):
    search(phantom(), sources, HE, batch_size=16, repeats=2, json=tmp_path / "speed.json")
    ((title, header, rows),) = shown
    numbers = json.loads((tmp_path / "speed.json").read_text())
    assert title.startswith("20 images, 2 sources, batches of 16, medians of 2; ")
    assert f"; {numbers['candidates']} candidates, batches {numbers['filled']:.0%} full, " in title
    assert title.endswith(f" {numbers['memory']:.0f} MiB ({numbers['memory_of']})")
    assert header == ("", "candidates/s", "of bare")
    assert [row[0] for row in rows] == ["bare forward pass", "engine", "engine, dropping early", "one by one"]
    assert_agree([row[1] for row in rows], [numbers[name] for name in NAMES])
    assert_agree([row[2] for row in rows], [1, *(numbers[f"{name}_of_forward"] for name in NAMES[1:])])
    assert numbers["ways"] == numbers["ways_of_forward"] == {}


def test_other_ways_to_compute_have_rows_of_the_same_table(sources, phantom, shown, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.nn.Module, "compile", lambda network, **_: None)  # a compiler takes minutes
    search(phantom(), sources, HE, batch_size=16, repeats=1, precisions=True, json=tmp_path / "speed.json")
    ((_, _, rows),) = shown
    numbers = json.loads((tmp_path / "speed.json").read_text())
    assert [row[0] for row in rows[4:]] == [f"bare, {name}" for name in WAYS]
    assert list(numbers["ways"]) == list(numbers["ways_of_forward"]) == list(WAYS)
    assert_agree([row[1] for row in rows[4:]], list(numbers["ways"].values()))
    assert_agree([row[2] for row in rows[4:]], list(numbers["ways_of_forward"].values()))


def test_a_way_that_does_not_work_has_a_dash_and_a_reason(sources, phantom, shown, tmp_path, monkeypatch, capsys):
    def without_compiler(network, **_):
        raise RuntimeError("No working C++ compiler found\nmore of it")

    monkeypatch.setattr(torch.nn.Module, "compile", without_compiler)
    search(phantom(), sources, HE, batch_size=16, repeats=1, precisions=True, json=tmp_path / "speed.json")
    ((_, _, rows),) = shown
    numbers = json.loads((tmp_path / "speed.json").read_text())
    assert [row[1:] for row in rows if "compiled" in row[0]] == 2 * [("-", "-")]
    assert numbers["ways"]["compiled"] is numbers["ways_of_forward"]["bfloat16, compiled"] is None
    assert numbers["ways"]["bfloat16"] > 0
    line = "bare forward pass, compiled: does not work here (No working C++ compiler found)\n"
    assert line in capsys.readouterr().err
