"""Every strategy's laws, and the papers' counts of queries."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from miad.errors import InputError
from miad.search import (
    SEARCHES,
    BasinHopping,
    BasinHoppingEvolution,
    DifferentialEvolution,
    GridSearch,
    LearnedPlaces,
    Ranking,
    Space,
    image_generator,
)
from miad.watermark import Placement

PLACES = Ranking.draw(24, (0, 1, 2), (100, 220), image_generator(0, "places"))
STRATEGIES = SEARCHES | {
    "learned": LearnedPlaces().ranked(PLACES),
    "bhe_published": BasinHoppingEvolution(published=True),
    "basin_hopping_published": BasinHopping(published=True),
}
CROSSING = ("bhe", "bhe_random", "de")
LOW, HIGH = 100, 220


def confidence(rows):
    """A bowl around (31, 12), strong marks a little better; 0..1."""
    x, y, alpha, _ = rows.unbind(1)
    return (((x - 31) / 60) ** 2 + ((y - 12) / 50) ** 2 + ((alpha - 200) / 400) ** 2).clamp(0, 1)


def open_space(width=50, height=40, variants=(0,)):
    return Space({variant: torch.ones(height, width, dtype=torch.bool) for variant in variants}, (LOW, HIGH))


def generations(strategy, space, seed=0, score=confidence):
    """What a search asks for, one ask after the other, and what it is told."""
    search = strategy.start(space, image_generator(seed, "image"))
    asked, told = [], []
    while len(placement := search.ask()):
        asked.append(placement.rows())
        told.append(score(asked[-1]).float())
        search.tell(told[-1])
    return asked, told


def variants_of(strategy):
    return strategy.draw_variants(image_generator(0, "image"))


@st.composite
def spaces(draw):
    height, width = draw(st.integers(1, 30)), draw(st.integers(1, 30))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 1000)))
    corners = torch.rand(height, width, generator=generator) < draw(st.sampled_from([0.02, 0.3, 1.0]))
    corners[draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))] = True
    low = draw(st.integers(1, 255))
    return corners, (low, draw(st.integers(low, 255)))


@pytest.mark.parametrize("name", STRATEGIES)
@given(parts=spaces(), seed=st.integers(0, 99))
def test_nothing_is_asked_that_is_not_allowed(name, parts, seed):
    corners, alpha = parts
    strategy = STRATEGIES[name]
    space = Space(dict.fromkeys(variants_of(strategy), corners), alpha)
    asked, _ = generations(strategy, space, seed)
    assert asked
    for x, y, opacity, variant in torch.cat(asked).tolist():
        assert corners[y, x]
        assert alpha[0] <= opacity <= alpha[1]
        assert variant in space.variants


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_generator_alone_decides(name):
    strategy = STRATEGIES[name]
    runs = [
        torch.cat(generations(strategy, open_space(variants=variants_of(strategy)), seed)[0]).tolist()
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1]
    assert (runs[0] == runs[2]) == (name == "grid")


@pytest.mark.parametrize("name", ["he", "he_sit", "bhe", "basin_hopping", "de"])
def test_a_search_gets_closer_to_where_it_should(name):
    """Compared with what it asked first, over several images."""
    strategy = STRATEGIES[name]
    space = open_space(100, 90, variants_of(strategy))
    runs = [generations(strategy, space, seed)[1] for seed in range(10)]
    assert all(torch.cat(told).min() <= told[0].min() for told in runs)
    first, found = (
        torch.stack(values) for values in zip(*((t[0].min(), torch.cat(t).min()) for t in runs), strict=True)
    )
    assert found.mean() < 0.7 * first.mean()


def test_published_counts_are_those_of_the_published_code():
    """spec: 1 + 100 + 3 x 50 x 27, and 404 + 101, the clean image apart."""
    asked, _ = generations(BasinHoppingEvolution(published=True), open_space())
    assert 1 + sum(map(len, asked)) == 4151
    asked, _ = generations(BasinHopping(published=True), open_space())
    assert sum(map(len, asked)) == 505


def test_bhe_scores_at_most_650_places():
    """50 individuals and three generations of three hops and a child each."""
    asked, _ = generations(BasinHoppingEvolution(), open_space())
    assert sum(map(len, asked)) == 650
    assert len({tuple(row) for row in torch.cat(asked).tolist()}) <= 650


def test_bhe_finds_the_same_whether_repeats_are_counted_or_not():
    """The evaluations that the published code repeats change nothing but the count."""
    plain, _ = generations(BasinHoppingEvolution(), open_space())
    counted, _ = generations(BasinHoppingEvolution(published=True), open_space())
    distinct = [list(dict.fromkeys(map(tuple, torch.cat(asked).tolist()))) for asked in (plain, counted)]
    assert distinct[0] == distinct[1]


def test_a_grid_that_meets_no_allowed_place_takes_them_all():
    corners = torch.zeros(20, 20, dtype=torch.bool)
    corners[3:6, 3:6] = True
    asked, _ = generations(GridSearch(stride=8), Space({0: corners}, (LOW, HIGH)))
    assert torch.cat(asked)[:, :2].tolist() == [[x, y] for y in range(3, 6) for x in range(3, 6)]


@pytest.mark.parametrize("mutation", ["basin_hopping", "random"])
def test_bhe_hops_crosses_and_selects_as_the_paper_says(mutation):
    """Eq. 4 to 6, followed on what was asked and told."""
    strategy = BasinHoppingEvolution(population=9, generations=2, hops=2, crossover=0.5, mutation=mutation)
    asked, told = generations(strategy, open_space(200, 200), score=lambda rows: torch.rand(len(rows)))
    hops = 2 if mutation == "basin_hopping" else 0
    assert [len(rows) for rows in asked] == [9] * (1 + 2 * (hops + 1))
    parents, fitness = asked[0], told[0]
    for generation in range(2):
        first = 1 + generation * (hops + 1)
        walk, scores = [parents, *asked[first : first + hops]], [fitness, *told[first : first + hops]]
        children, score = asked[first + hops], told[first + hops]
        reach = torch.tensor([50, 50, 20, 0])
        if hops:
            assert (walk[1] - walk[0]).abs().le(reach).all()
            mutants = torch.stack(walk)[torch.stack(scores).argmin(0), torch.arange(9)]
            assert ((children == mutants) | (children == parents)).all()
            assert ((children != parents) & (children == mutants)).any()
        else:
            assert (children - parents).abs().le(2 * reach).all()
            assert (children == parents).any(1).all()
        better = score <= fitness
        parents, fitness = torch.where(better[:, None], children, parents), torch.where(better, score, fitness)
        if hops and generation == 0:
            following = asked[1 + hops + 1]
            assert (following - parents).abs().le(reach).all()


@pytest.mark.parametrize(("temperature", "expected"), [(1e-9, {False}), (1e9, {True})])
def test_metropolis_accepts_worse_places_by_temperature(temperature, expected):
    """Every hop is worse than the one before: a cold hopper stays where it was, a hot one goes on."""
    strategy = BasinHopping(starts=1, hops=40, temperature=temperature)
    worse = iter(torch.linspace(0, 1, 50))
    asked, _ = generations(strategy, open_space(2000, 2000), score=lambda rows: next(worse).expand(len(rows)))
    places = torch.cat(asked)[:, :2]
    distance = (places - places[0]).abs().amax(1)
    assert {bool((distance > 50).any())} == expected


def test_the_grid_asks_every_place_once_in_row_order_strongest_first():
    corners = torch.rand(17, 23, generator=torch.Generator().manual_seed(0)) < 0.6
    space = Space({0: corners}, (100, 220))
    asked, _ = generations(GridSearch(opacities=3), space)
    places = [(x, y) for y in range(17) for x in range(23) if corners[y, x]]
    assert torch.cat(asked).tolist() == [[x, y, alpha, 0] for alpha in (220, 160, 100) for x, y in places]


def test_the_grid_of_a_stride_keeps_to_its_multiples_and_of_one_opacity_to_the_highest():
    asked, _ = generations(GridSearch(stride=7, opacities=1), open_space(50, 40))
    expected = [[x, y, HIGH, 0] for y in range(0, 40, 7) for x in range(0, 50, 7)]
    assert torch.cat(asked).tolist() == expected


def test_large_grids_come_in_pieces():
    asked, _ = generations(GridSearch(), open_space(120, 100))
    assert sum(map(len, asked)) == 12000
    assert max(map(len, asked)) < 5000


def test_differential_evolution_adds_the_weighted_difference_of_two_to_a_third():
    strategy = DifferentialEvolution(population=6, generations=1, weight=0.5, crossover=1.0)
    asked, _ = generations(strategy, open_space(5000, 5000), seed=4)
    parents, children = asked
    for index, child in enumerate(children.tolist()):
        if child == parents[index].tolist():
            continue  # it would have left the image
        others = [row for other, row in enumerate(parents[:, :3].float()) if other != index]
        mutants = {
            tuple((a + 0.5 * (b - c)).round().long().tolist())[:2]
            for a in others
            for b in others
            for c in others
            if a is not b and b is not c and a is not c
        }
        assert tuple(child[:2]) in mutants
    assert not (children == parents).all()


def test_differential_evolution_keeps_the_better_of_parent_and_child():
    """Selection is seen in the next generation's mutants; here in that the best is never lost and the mean falls."""
    strategy = DifferentialEvolution(population=12, generations=25, weight=0.6)
    asked, told = generations(strategy, open_space(60, 60))
    fitness = told[0]
    means = [fitness.mean()]
    for score, children, parents in zip(told[1:], asked[1:], asked, strict=False):
        fitness = torch.where((score <= fitness), score, fitness)
        means.append(fitness.mean())
        assert len(children) == len(parents)
    assert means[-1] < 0.2 * means[0]
    assert confidence(asked[-1]).median() < 0.05


@pytest.mark.parametrize(
    ("make", "options"),
    [
        (GridSearch, {"stride": 0}),
        (GridSearch, {"opacities": 0}),
        (BasinHopping, {"starts": 0}),
        (BasinHopping, {"hops": -1}),
        (BasinHopping, {"step": 0}),
        (BasinHopping, {"temperature": 0}),
        (BasinHoppingEvolution, {"population": 0}),
        (BasinHoppingEvolution, {"generations": -1}),
        (BasinHoppingEvolution, {"crossover": 1.1}),
        (BasinHoppingEvolution, {"step": float("nan")}),
        (DifferentialEvolution, {"population": 3}),
        (DifferentialEvolution, {"weight": 0}),
        (DifferentialEvolution, {"crossover": -0.1}),
    ],
)
def test_parameters_out_of_range_are_refused(make, options):
    (name, value) = next(iter(options.items()))
    with pytest.raises(InputError, match=rf"\Aexpected {name} [^\n]*, found {value}\Z"):
        make(**options)


def test_placements_out_of_reach_are_not_allowed():
    space = open_space(5, 4)
    rows = [
        [0, 0, 100, 0],
        [4, 3, 220, 0],
        [5, 0, 150, 0],
        [0, 4, 150, 0],
        [-1, 0, 150, 0],
        [0, 0, 99, 0],
        [0, 0, 150, 1],
    ]
    assert space.allows(Placement.from_rows(torch.tensor(rows))).tolist() == [True, True] + [False] * 5
