"""The bench measures what it says, on the phantom; how fast it is, no test asks."""

import json

import pytest

from miad.cli import main
from miad.commands.bench.attack import attack as bench
from miad.search import RandomSearch

from ..conftest import assert_agree


def test_every_way_to_find_lesions_has_a_row(zoo, phantom, shown, tmp_path):
    masks, path = "given, gradcam,given", tmp_path / "cost.json"
    bench(phantom(), f"{zoo[0]},{zoo[1]}", masks, RandomSearch(3), per_class=3, images=4, batch_size=8, json=path)
    ((title, header, rows),) = shown
    assert title.startswith("9 images, 2 sources, their bare forward pass ")
    assert [row[0] for row in rows] == ["given", "gradcam"]
    for row in rows:
        values = dict(zip(header, row, strict=True))
        attack, masks, share = (float(values[name].rstrip("%")) for name in ("total s", "mask s", "share"))
        assert 0 < masks < attack
        assert share == pytest.approx(100 * masks / attack, abs=1 + 10 / attack)
    numbers = json.loads(path.read_text())
    assert (numbers["images"], numbers["sources"]) == (9, 2)
    assert title.endswith(f" {numbers['forward']:.1f} images/s (raw)")
    names = ("seconds", "mask_seconds", "rate", "rate_of_forward")
    for row, cost in zip(rows, numbers["masks"], strict=True):
        assert row[0] == cost["mask"]
        assert_agree([row[1], row[2], row[4], row[5]], [cost[name] for name in names])
        assert_agree([row[3].rstrip("%")], [100 * cost["mask_share"]])
        assert cost["rate"] == pytest.approx(cost["queries"] / cost["seconds"])


def test_a_slow_source_of_masks_shows(zoo, phantom, shown, monkeypatch):
    import time

    from miad.tasks import AttackTask

    rooms = AttackTask.rooms
    monkeypatch.setattr(AttackTask, "rooms", lambda task, *images: (time.sleep(0.5), rooms(task, *images))[1])
    bench(phantom(), str(zoo[0]), "given", RandomSearch(), per_class=2, images=3)
    ((_, header, (row,)),) = shown
    assert float(dict(zip(header, row, strict=True))["mask s"]) >= 1  # two batches


def test_nothing_is_left_behind(zoo, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    data = ["--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0", "--data.test", "4"]
    with pytest.raises(SystemExit) as stop:
        main(["bench", "attack", *data, "--sources", str(zoo[0]), "--search", "random"])
    assert stop.value.code == 0
    assert "bare forward pass" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_mask_is_refused(zoo, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["bench", "attack", "--data", "Phantom", "--sources", str(zoo[0]), "--masks", "guess"])
    assert stop.value.code == 2
    assert "expected a mask of given" in capsys.readouterr().err
