"""The bench of compositing measures what it says; how fast it is, no test asks."""

import json
import time

import numpy as np
import pytest
import torch

from miad.cli import main
from miad.commands.bench import composite as bench_module
from miad.commands.bench.composite import _Candidates, composite
from miad.errors import InputError, RunError
from miad.watermark import blend, draw_variants, load_logo, make_atlas

from ..conftest import assert_agree

HEADER = ("", "candidates/s", "of copy", "of one by one")


def candidates(mode="binary", size=40, count=12):
    atlas = make_atlas(load_logo("emblem"), draw_variants(3, 1), (size, size), 2.0, grey=False, mode=mode)
    return _Candidates.draw(size, count, atlas, torch.Generator().manual_seed(5), torch.device("cpu"))


def test_the_table_and_the_file_agree(shown, tmp_path):
    composite(40, 6, variants=2, repeats=2, json=tmp_path / "speed.json")
    ((title, header, rows),) = shown
    numbers = json.loads((tmp_path / "speed.json").read_text())
    assert title.startswith("6 images of 40x40, 3 variants; medians of 2; ")
    assert header == HEADER
    names = ("copied", "blended", "one_by_one")
    assert_agree([row[1] for row in rows], [numbers[name] for name in names])
    assert_agree([row[2] for row in rows], [1, numbers["blended_of_copied"], numbers["one_by_one_of_copied"]])
    assert_agree([row[3] for row in rows[1:]], [numbers["blended_of_one_by_one"], 1])
    assert all(numbers[name] > 0 for name in names)


@pytest.mark.parametrize("mode", ["binary", "soft"])
def test_both_ways_blend_as_the_formula_says(mode):
    made = candidates(mode)
    made.check()
    expected = made.hosts.permute(0, 2, 3, 1).numpy().copy()
    for image, (x, y, alpha, variant) in zip(expected, made.placement.rows().tolist(), strict=True):
        one = made.atlas.rendering(variant)
        height, width = one.coverage.shape
        box = image[y : y + height, x : x + width]
        assert box.shape == one.rgb.shape  # no logo reaches over the edge
        share = np.round(one.coverage[..., None].astype(float) * alpha / 255) / 255
        box[...] = np.round(share * one.rgb + (1 - share) * box).astype(np.uint8)
    assert np.array_equal(made.paste().permute(0, 2, 3, 1), expected)
    assert np.array_equal(made.blend().permute(0, 2, 3, 1), expected)


def test_candidates_differ_in_everything():
    rows = candidates(count=200).placement.rows()
    assert set(rows[:, 3].tolist()) == {0, 1, 2, 3}
    assert rows[:, 2].min() < 110 < 210 < rows[:, 2].max() <= 220
    assert all(len(rows[:, axis].unique()) > 10 for axis in (0, 1))


def test_other_pixels_are_refused_before_anything_is_timed(shown, tmp_path, monkeypatch):
    def off_by_one(*given):
        marked = blend(*given)
        marked[0, 0, 0, 0] ^= 1
        return marked

    monkeypatch.setattr(bench_module, "blend", off_by_one)
    monkeypatch.setattr(bench_module, "take_turns", lambda *_: pytest.fail("was timed"))
    with pytest.raises(RunError, match=r"\Aexpected Pillow to make the same pixels, found 1 others; [^\n]*\Z"):
        composite(40, 4, json=tmp_path / "speed.json")
    assert not shown
    assert not list(tmp_path.iterdir())


def test_slow_compositing_shows(shown, monkeypatch):
    monkeypatch.setattr(bench_module, "blend", lambda *given: (time.sleep(0.02), blend(*given))[1])
    composite(40, 4, repeats=1)
    ((_, _, rows),) = shown
    assert float(rows[1][1]) <= 4 / 0.02


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"size": 0}, "size"),
        ({"batch_size": 0}, "batch_size"),
        ({"variants": -1}, "variants"),
        ({"scale": 0.5}, "scale"),
    ],
)
def test_bad_options_are_refused(options, expected):
    with pytest.raises(InputError, match=expected):
        composite(**options)


def test_it_is_a_command(capsys, tmp_path):
    words = f"bench composite --size 32 --batch_size 2 --repeats 1 --json {tmp_path / 'a.json'}".split()
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 0
    assert "copy of the batch" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
