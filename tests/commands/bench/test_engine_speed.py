"""The engine and what it is compared with do the same work; how fast, no test asks."""

from math import ceil
from pathlib import Path

import pytest
import torch
from torchvision.transforms.functional import to_tensor

from miad.commands.bench.engine_speed import EngineBench, measure_engine
from miad.commands.bench.search import search
from miad.data import Phantom
from miad.errors import InputError
from miad.search import LEARNED, HeuristicEvolution
from miad.targets import Ensemble, load_target
from miad.tasks import AttackTask, MarkOptions
from miad.vaccine import VaccineOptions
from miad.watermark import TextureOptions, load_logo

HE = HeuristicEvolution(population=3, generations=1)


@pytest.fixture
def sources(zoo):
    return f"{zoo[0]},{zoo[1]}"


def a_bench(sources, data, batch_size=16):
    ensemble = Ensemble([load_target(path) for path in map(Path, sources.split(","))])
    dataset = data.split("test")
    task = AttackTask(ensemble, [], HE, MarkOptions(load_logo("emblem")))
    return EngineBench.of(task, [dataset[index] for index in range(len(dataset))], batch_size)


def test_candidates_are_those_that_every_source_scored(sources, phantom):
    bench = a_bench(sources, phantom())
    member = bench.task.sources.members[0]
    scored = member.scored
    outcomes = bench.run(prune=False)
    assert member.scored - scored >= sum(outcome.queries - 1 for outcome in outcomes) > 20
    assert bench.count()[0] == (member.scored - scored) / 2
    exact = [(one.placement.rows().tolist(), one.queries, one.status) for one in outcomes]
    pruned = [(one.placement.rows().tolist(), one.queries, one.status) for one in bench.run(prune=True)]
    assert pruned == exact


@pytest.mark.parametrize("batch_size", [1, 16, 4096])
def test_the_share_that_is_filled(sources, phantom, batch_size):
    bench = a_bench(sources, phantom(), batch_size)
    sizes = []
    reference = bench.task.sources.members[1]  # without dropping, each member sees every batch
    handle = reference.register_forward_hook(lambda _, __, scored: sizes.append(len(scored)))
    bench.run(prune=False)
    handle.remove()
    speed, _ = measure_engine(bench, 1)
    assert speed.filled == pytest.approx(sum(size / batch_size for size in sizes) / len(sizes))
    assert (speed.filled == 1) is (batch_size == 1)
    assert len(sizes) >= ceil(speed.candidates / batch_size)


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


def test_others_in_the_sources_place_are_timed_in_the_same_turns(sources, phantom):
    bench = a_bench(sources, phantom())
    sizes = []

    class Other(torch.nn.Module):
        def forward(self, images):
            sizes.append(len(images))
            return images.float()

    speed, rates = measure_engine(bench, 3, lambda: {"other": Other()})
    assert sum(sizes) == 4 * speed.candidates
    assert set(sizes) <= {16, speed.candidates % 16}
    assert [set(turn) for turn in rates.turns] == 3 * [{"forward", "engine", "pruned", "one_by_one", "other"}]
    assert speed.pruned_of_one_by_one == rates.ratio("pruned", "one_by_one")


def test_a_search_that_learns_is_refused(sources, phantom):
    with pytest.raises(InputError, match=r"\Aexpected a search that learns nothing, found learned; [^\n]*\Z"):
        search(phantom(), sources, LEARNED)


def test_a_vaccine_is_refused(sources, phantom):
    with pytest.raises(InputError, match=r"\Aexpected no --vaccine, found one; see 'miad bench delta'\Z"):
        search(phantom(), sources, HE, vaccine=VaccineOptions("noise"))


def test_a_texture_is_refused(sources, phantom):
    with pytest.raises(InputError, match=r"\Aexpected no --texture, found one, [^\n]*\Z"):
        search(phantom(), sources, HE, texture=TextureOptions(64))


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
        EngineBench.of(task, items, 16)
