"""The bench of deltas measures what it says; how fast they are, no test asks."""

import json
import time

import pytest
import torch

from miad.commands.bench.delta import delta
from miad.errors import InputError
from miad.models import Remover
from miad.vaccine import Vaccine, VaccineOptions

from ..conftest import assert_agree, save_remover

FEW = VaccineOptions(steps=2)


@pytest.fixture(scope="module")
def removers(tmp_path_factory):
    root = tmp_path_factory.mktemp("removers")
    return ",".join(str(save_remover(root / name, name, 2)) for name in ("bvmr", "wdnet"))


def test_every_remover_has_a_row(removers, shown, tmp_path):
    delta(removers, FEW, size=32, batch_size=2, repeats=2, json=tmp_path / "speed.json")
    ((title, header, rows),) = shown
    assert title == "delta_d, 2 steps, 2 images of 32x32; medians of 2"
    assert header == ("remover", "bare steps/s", "delta steps/s", "of bare")
    assert [row[0] for row in rows] == ["bvmr", "wdnet"]
    numbers = json.loads((tmp_path / "speed.json").read_text())
    assert {name: numbers[name] for name in ("kind", "steps", "batch_size", "size")} == {
        "kind": "delta_d",
        "steps": 2,
        "batch_size": 2,
        "size": 32,
    }
    for row, one in zip(rows, numbers["removers"], strict=True):
        assert row[0] == one["remover"]
        assert_agree(row[1:], [one[name] for name in ("bare", "delta", "delta_of_bare")])


def test_a_slow_vaccine_shows(removers, shown, monkeypatch):
    make = Vaccine.forward
    monkeypatch.setattr(Vaccine, "forward", lambda self, *images: (time.sleep(0.5), make(self, *images))[1])
    delta(removers.split(",")[0], FEW, size=32, batch_size=2, repeats=1)
    ((_, _, ((_, bare, made, ratio),)),) = shown
    assert float(made) < 4 / 0.5
    assert float(ratio) == pytest.approx(float(made) / float(bare), abs=0.01)


def test_both_sides_run_the_remover_as_often(removers, shown, monkeypatch):
    """Forward and backward once a step; a delta is judged once more at its end. The first turn is not timed."""
    calls, forward = [], Remover.forward
    monkeypatch.setattr(
        Remover, "forward", lambda self, x: (calls.append(torch.is_grad_enabled()), forward(self, x))[1]
    )
    delta(removers.split(",")[0], VaccineOptions(steps=5), size=32, batch_size=2, repeats=1)
    assert calls == 2 * (5 * [True] + 5 * [True] + [False])


@pytest.mark.parametrize("kind", ["noise", "none"])
def test_a_vaccine_that_asks_no_remover_is_refused(removers, kind):
    with pytest.raises(InputError, match=f"expected removers, and delta_d or delta_i, found 2 and {kind}"):
        delta(removers, VaccineOptions(kind))


def test_without_removers_there_is_nothing_to_measure():
    with pytest.raises(InputError, match="found 0 and delta_d"):
        delta("")
