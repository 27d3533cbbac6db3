"""The pool against a one-by-one loop that does what the paper's algorithm says and nothing else."""

import pytest
import torch

from miad.errors import InputError
from miad.imaging import resize
from miad.lesions import allowed_corners, cropped_corners
from miad.search import (
    FIRST_SUCCESS,
    BasinHopping,
    BasinHoppingEvolution,
    DifferentialEvolution,
    GridSearch,
    HeuristicEvolution,
    Host,
    LearnedPlaces,
    Pool,
    RandomSearch,
    Ranking,
    Score,
    Space,
    Status,
    Stop,
    image_generator,
)
from miad.targets import Ensemble
from miad.watermark import Placement, blend, draw_variants, load_logo, make_atlas

STRATEGIES = {
    "random": RandomSearch(draws=7),
    "grid": GridSearch(stride=6, opacities=2),
    "he": HeuristicEvolution(position_rate=0.02, population=4),
    "he_sit": HeuristicEvolution(sit=2, catalogue=5, position_rate=0.02, population=4),
    "bhe": BasinHoppingEvolution(population=5, generations=2, hops=2),
    "bhe_random": BasinHoppingEvolution(population=5, generations=2, mutation="random"),
    "bhe_published": BasinHoppingEvolution(population=3, generations=1, hops=2, published=True),
    "basin_hopping": BasinHopping(starts=2, hops=6, temperature=0.01),
    "basin_hopping_published": BasinHopping(hops=4, published=True),
    "learned": LearnedPlaces(catalogue=3, learned_variants=2, position_rate=0.02, population=4).ranked(
        Ranking.draw(5, (0, 1, 2), (100, 220), image_generator(0, "places"))
    ),
    "de": DifferentialEvolution(population=5, generations=3),
}


def make_searches(strategy, atlas, count, lesion=None):
    searches = []
    for index in range(count):
        generator = image_generator(3, f"image {index}")
        mask = torch.zeros(40, 48, dtype=torch.bool) if lesion is None else lesion
        variants = strategy.draw_variants(generator)
        drawn, sizes = atlas.coverage[list(variants), 0] > 0, atlas.sizes[list(variants)]
        allowed = allowed_corners(mask.expand(len(variants), -1, -1), drawn, sizes)
        corners = dict(zip(variants, cropped_corners(allowed, sizes), strict=True))
        searches.append(strategy.start(Space(corners, (100, 220)), generator))
    return searches


def one_by_one(ensemble, host, label, search, atlas, stop=FIRST_SUCCESS, confirm=None):
    """Placement, queries and success of one image, scored a candidate at a time."""
    queries, known, best = 1, {}, None
    while len(asked := search.ask()):
        confidences = []
        for index in range(len(asked)):
            candidate = asked[index : index + 1]
            row = tuple(candidate.rows().tolist()[0])
            counts = row not in known or search.counts_repeats
            if counts and stop.budget and queries + 1 > stop.budget - (confirm is not None):
                return best[1], queries, best[0][0] == 0
            queries += counts
            if row not in known:
                score = exact(ensemble, host, label, candidate, atlas)
                known[row] = score.confidence
                if confirm is not None and score.misread and (best is None or rank(score) < best[0]):
                    queries, score = queries + 1, confirm(candidate, score)
                best = min(best, (rank(score), list(row)), key=lambda one: one[0]) if best else (rank(score), list(row))
                if score.misread and score.lead >= stop.margin:
                    return list(row), queries, True
            confidences.append(known[row])
        search.tell(torch.tensor(confidences))
    return best[1], queries, best[0][0] == 0


def exact(ensemble, host, label, candidate, atlas):
    probabilities = ensemble(blend(host[None], candidate, atlas))
    mean = ensemble.mean(probabilities)[0].tolist()
    own = mean.pop(int(label))
    return Score(round(own, 6), round(max(mean) - own, 6), bool(ensemble.misread(probabilities, label[None])))


def rank(score):
    return (0, -score.lead) if score.misread else (1, score.confidence)


def moody(placement, score):
    """Confirms some marks and refuses others, and changes the numbers of all."""
    x, y, alpha, _ = placement.rows().tolist()[0]
    if (x + 2 * y + alpha) % 5 < 2:
        return Score(score.confidence / 2, score.lead / 2, misread=True)
    return Score(score.confidence + 0.1, -0.1, misread=False)


@pytest.fixture
def scene(hosts, make_target):
    hosts = torch.cat([hosts, 255 - hosts])
    ensemble = Ensemble([make_target(1), make_target(2)])
    with torch.no_grad():
        labels = ensemble.mean(ensemble(hosts)).argmax(1)
    return ensemble, hosts, labels


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("batch_size", [1, 5, 64, 1000])
def test_batching_changes_neither_placements_nor_counts(scene, name, batch_size):
    strategy = STRATEGIES[name]
    found, expected = both_ways(scene, strategy, batch_size)
    assert found == expected
    assert {success for *_, success in expected} == {True, False}


def both_ways(scene, strategy, batch_size, stop=FIRST_SUCCESS, confirms=False):
    """What the pool finds, and what one candidate at a time does."""
    ensemble, hosts, labels = scene
    atlas = make_atlas(load_logo("emblem"), draw_variants(strategy.variants, 1), (40, 48), 2.5, grey=False)

    def confirm(host, placement):
        with torch.no_grad():
            return moody(placement, exact(ensemble, hosts[host], labels[host], placement, atlas))

    searches = make_searches(strategy, atlas, 16)
    outcomes = Pool(ensemble, batch_size, stop).run(hosts, labels, searches, atlas, confirm if confirms else None)
    found = [(o.placement.rows().tolist()[0], o.queries, o.status is Status.SUCCESS) for o in outcomes]
    searches = make_searches(strategy, atlas, 16)
    last = moody if confirms else None
    with torch.no_grad():
        return found, [
            one_by_one(ensemble, *one, atlas, stop, last) for one in zip(hosts, labels, searches, strict=True)
        ]


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("every", [2, 3])
def test_images_of_other_sizes_that_join_while_others_fly_change_nothing(scene, name, every):
    ensemble, hosts, _ = scene
    strategy, expected, flights = STRATEGIES[name], [], []
    pool, most = Pool(ensemble, 5), 0
    for index, size in enumerate([(40, 48), (36, 36), (40, 48), (36, 36), (50, 44)] * 2):
        pixels = resize(hosts[index : index + 1], size)[0]
        label = int(ensemble.mean(ensemble(pixels[None])).argmax())
        atlas = make_atlas(load_logo("emblem"), draw_variants(strategy.variants, 1), size, 2.5, grey=False)
        searches = [make_searches(strategy, atlas, 1, torch.zeros(size, dtype=torch.bool))[0] for _ in range(2)]
        with torch.no_grad():
            expected.append(one_by_one(ensemble, pixels, torch.tensor(label), searches[0], atlas))
        flights.append(pool.add(Host(pixels, label, atlas), searches[1]))
        most = max(most, len(pool))
        if index % every == 0:
            pool.advance()
    while len(pool):
        pool.advance()
    assert most > 1
    outcomes = [flight.outcome for flight in flights]
    found = [(o.placement.rows().tolist()[0], o.queries, o.status is Status.SUCCESS) for o in outcomes]
    assert found == expected


def test_flights_leave_as_they_end_and_only_once(scene):
    ensemble, hosts, labels = scene
    atlas = make_atlas(load_logo("emblem"), draw_variants(0, 1), (40, 48), 2.5, grey=False)
    pool = Pool(ensemble, 8)
    searches = make_searches(STRATEGIES["he"], atlas, 16)
    images = [Host(pixels, label, atlas) for pixels, label in zip(hosts, labels.tolist(), strict=True)]
    flights = [pool.add(host, search) for host, search in zip(images, searches, strict=True)]
    ended = []
    while len(pool):
        ended += pool.advance()
        assert len(pool) == sum(flight.outcome is None for flight in flights)
    assert sorted(map(id, ended)) == sorted(map(id, flights))


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("stop", [FIRST_SUCCESS, Stop(budget=3), Stop(budget=9), Stop(margin=0.03, budget=30)])
def test_what_is_not_confirmed_does_not_end_a_search(scene, name, stop):
    """Photographs have the last word; budgets hold whatever the batch, and every confirmation is a query."""
    found, expected = both_ways(scene, STRATEGIES[name], 5, stop, confirms=True)
    assert found == expected
    assert all(queries <= (stop.budget or 10_000) for _, queries, _ in found)
    assert both_ways(scene, STRATEGIES[name], 64, stop, confirms=True)[0] == expected


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("stop", [Stop(budget=2), Stop(budget=9), Stop(margin=0.02), Stop(margin=0.05, budget=25)])
def test_a_search_ends_at_its_margin_or_budget_as_one_by_one(scene, name, stop):
    found, expected = both_ways(scene, STRATEGIES[name], 7, stop)
    assert found == expected
    assert all(queries <= (stop.budget or 1000) for _, queries, _ in found)


def test_a_larger_margin_finds_larger_leads_for_more_queries(scene):
    ensemble, hosts, labels = scene
    atlas = make_atlas(load_logo("emblem"), draw_variants(0, 1), (40, 48), 2.5, grey=False)
    leads, queries = [], []
    for margin in (0.0, 0.03, 1.0):
        searches = make_searches(STRATEGIES["he"], atlas, 16)
        outcomes = Pool(ensemble, 8, Stop(margin)).run(hosts, labels, searches, atlas)
        marked = blend(hosts, Placement.cat([outcome.placement for outcome in outcomes]), atlas)
        with torch.no_grad():
            leads.append(ensemble.lead(ensemble(marked), labels))
        queries.append(sum(outcome.queries for outcome in outcomes))
    assert (leads[0] <= leads[1] + 1e-6).all()
    assert (leads[1] <= leads[2] + 1e-6).all()
    assert leads[0].mean() < leads[1].mean() < leads[2].mean()
    assert queries[0] < queries[1] < queries[2]


def test_a_source_without_numbers_is_named(scene, make_target):
    _, hosts, labels = scene
    broken = make_target(5)
    broken.name = "broken"
    for weight in broken.network.parameters():
        weight.data.fill_(float("nan"))
    atlas = make_atlas(load_logo("emblem"), draw_variants(0, 1), (40, 48), 2.5, grey=False)
    searches = make_searches(STRATEGIES["random"], atlas, 16)
    with pytest.raises(
        InputError, match=r"\Abroken: expected probabilities, found values that are no numbers; [^\n]*\Z"
    ):
        Pool(Ensemble([make_target(1), broken]), 8).run(hosts, labels, searches, atlas)


@pytest.mark.parametrize("options", [{"margin": -0.1}, {"margin": 1.5}, {"margin": float("nan")}, {"budget": 1}])
def test_ends_that_make_no_sense_are_refused(options):
    with pytest.raises(InputError, match=r"\Aexpected (margin|budget) [^\n]*, found [^\n]*\Z"):
        Stop(**options)


def test_no_forward_is_larger_than_the_batch_and_none_is_empty(scene):
    ensemble, hosts, labels = scene
    sizes = []
    ensemble.targets[ensemble.cheapest_first[0]].register_forward_pre_hook(
        lambda _, inputs: sizes.append(len(inputs[0]))
    )
    atlas = make_atlas(load_logo("emblem"), draw_variants(0, 1), (40, 48), 2.5, grey=False)
    Pool(ensemble, 10).run(hosts, labels, make_searches(STRATEGIES["he"], atlas, 16), atlas)
    assert max(sizes) == 10
    assert min(sizes) > 0


def test_solved_images_leave_their_places_to_others(scene):
    ensemble, hosts, labels = scene
    sizes = []
    ensemble.targets[ensemble.cheapest_first[0]].register_forward_pre_hook(
        lambda _, inputs: sizes.append(len(inputs[0]))
    )
    atlas = make_atlas(load_logo("emblem"), draw_variants(0, 1), (40, 48), 2.5, grey=False)
    outcomes = Pool(ensemble, 16).run(hosts, labels, make_searches(STRATEGIES["he"], atlas, 16), atlas)
    assert {outcome.status for outcome in outcomes} == {Status.FAILED, Status.SUCCESS}
    assert sum(size == 16 for size in sizes) > 0.5 * len(sizes)


def test_an_image_s_random_numbers_depend_on_seed_and_id_alone():
    draws = [
        torch.rand(3, generator=image_generator(*case)).tolist() for case in ((1, "a"), (1, "a"), (2, "a"), (1, "b"))
    ]
    assert draws[0] == draws[1]
    assert len({tuple(draw) for draw in draws}) == 3


def test_a_search_that_runs_out_of_memory_finds_the_same(scene, monkeypatch):
    ensemble, hosts, labels = scene
    atlas = make_atlas(load_logo("emblem"), draw_variants(5, 1), (40, 48), 2.5, grey=False)

    def found():
        outcomes = Pool(ensemble, 32).run(hosts, labels, make_searches(STRATEGIES["he_sit"], atlas, 16), atlas)
        return [(o.placement.rows().tolist(), o.queries, o.status) for o in outcomes]

    expected = found()
    member = ensemble.members[1]
    original = member.forward

    def small(images):
        if len(images) > 5:
            raise torch.OutOfMemoryError("no room")
        return original(images)

    monkeypatch.setattr(member, "forward", small)
    assert found() == expected
