"""The bench of the engine measures what it says; how fast it is, no test asks."""

import json
from pathlib import Path

import pytest
from torchvision.transforms.functional import to_tensor

from miad.commands import bench_search as bench_module
from miad.commands.bench_search import _Bench, search
from miad.data import Phantom
from miad.errors import InputError
from miad.search import LEARNED, HeuristicEvolution
from miad.targets import Ensemble, load_target
from miad.tasks import AttackTask, MarkOptions
from miad.watermark import load_logo

HE = HeuristicEvolution(population=3, generations=1)


@pytest.fixture
def shown(monkeypatch):
    """What the closing table holds."""
    tables = []
    monkeypatch.setattr(bench_module, "show_table", lambda *table: tables.append(table))
    return tables


@pytest.fixture
def sources(zoo):
    return f"{zoo[0]},{zoo[1]}"


def test_the_table_and_the_file_agree(sources, phantom, shown, tmp_path):
    search(phantom(), sources, HE, batch_size=16, repeats=2, json=tmp_path / "speed.json")
    ((title, header, rows),) = shown
    numbers = json.loads((tmp_path / "speed.json").read_text())
    assert title.startswith("20 images, 2 sources, batches of 16, medians of 2; ")
    assert f"; {numbers['candidates']} candidates, " in title
    assert header == ("", "candidates/s", "of bare")
    assert [row[0] for row in rows] == ["bare forward pass", "engine", "engine, dropping early", "one by one"]
    assert [float(row[1]) for row in rows] == [
        pytest.approx(numbers[name], abs=0.1) for name in ("forward", "engine", "pruned", "one_by_one")
    ]
    assert all(value > 0 for value in numbers.values())


def test_candidates_are_those_that_every_source_scored(sources, phantom, shown):
    bench = a_bench(sources, phantom())
    member = bench.task.sources.members[0]
    scored = member.scored
    outcomes = bench.run(prune=False)
    assert member.scored - scored >= sum(outcome.queries - 1 for outcome in outcomes) > 20
    exact = [(one.placement.rows().tolist(), one.queries, one.status) for one in outcomes]
    pruned = [(one.placement.rows().tolist(), one.queries, one.status) for one in bench.run(prune=True)]
    assert pruned == exact


@pytest.mark.parametrize("count", [1, 16, 37])
def test_every_way_scores_as_many(sources, phantom, count):
    bench = a_bench(sources, phantom())
    for way in (bench.forward, bench.one_by_one):
        before = [target.scored for target in bench.task.sources.members]
        way(count)
        assert [target.scored - b for target, b in zip(bench.task.sources.members, before, strict=True)] == [count] * 2


def test_one_by_one_scores_pixels_of_0_to_255(sources, phantom):
    bench = a_bench(sources, phantom())
    seen = []
    bench.task.sources.members[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    bench.one_by_one(1)
    assert 150 < float(seen[0].max()) <= 255
    assert to_tensor(bench.hosts[0].permute(1, 2, 0).numpy()).max() <= 1


def a_bench(sources, data):
    ensemble = Ensemble([load_target(path) for path in map(Path, sources.split(","))])
    dataset = data.split("test")
    task = AttackTask(ensemble, [], HE, MarkOptions(load_logo("emblem")))
    return _Bench.of(task, [dataset[index] for index in range(len(dataset))], 16)


def test_a_search_that_learns_is_refused(sources, phantom):
    with pytest.raises(InputError, match=r"\Aexpected a search that learns nothing, found learned; [^\n]*\Z"):
        search(phantom(), sources, LEARNED)


def test_images_that_no_source_reads_are_refused(sources, phantom, monkeypatch):
    monkeypatch.setattr(AttackTask, "all_correct", lambda task, hosts, labels: [False] * len(hosts))
    with pytest.raises(InputError, match=r"\Aexpected images that every source reads correctly [^\n]*, found none\Z"):
        search(phantom(), sources, HE)


def test_images_of_several_sizes_are_refused(sources):
    data = Phantom("brain", 48, train=0, val=0, test=2)
    other = Phantom("brain", 40, train=0, val=0, test=2).split("test")
    items = [data.split("test")[0], other[0]]
    task = AttackTask(Ensemble([load_target(Path(sources.split(",")[0]))]), [], HE, MarkOptions(load_logo("emblem")))
    with pytest.raises(InputError, match=r"\Aexpected images of one size and kind, found several; [^\n]*\Z"):
        _Bench.of(task, items, 16)
