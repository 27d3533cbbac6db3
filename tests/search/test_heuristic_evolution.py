"""HE against the paper's numbers and rules; random search against uniformity."""

import pytest
import torch

from miad.errors import InputError
from miad.search import HE_SIT, HeuristicEvolution, RandomSearch, Space, image_generator

EXTENT = (224 - 112, 224 - 62)
"""Largest x and y of the paper's 112x62 logo (sl 2) on a 224x224 image."""
ALPHA = (100, 220)
PAPER = HeuristicEvolution()


def open_corners(extent=EXTENT):
    return torch.ones(extent[1] + 1, extent[0] + 1, dtype=torch.bool)


def corners_with_lesion():
    corners = open_corners()
    corners[30:90, 20:70] = False
    return corners


def a_space(corners=None, variants=(0,)):
    return Space(dict.fromkeys(variants, open_corners() if corners is None else corners), ALPHA)


def confidence(rows):
    """A bowl that bottoms out between the grid's points."""
    x, y, alpha, variant = rows.unbind(1)
    return ((x - 61) / 112) ** 2 + ((y - 87) / 162) ** 2 + ((alpha - 180) / 120) ** 2 + 0.01 * variant


def generations(strategy, space, seed=0, score=confidence):
    """What a search asks for, generation by generation, as rows."""
    search = strategy.start(space, image_generator(seed, "image"))
    asked = []
    while len(placement := search.ask()):
        asked.append(placement.rows())
        search.tell(score(asked[-1]).float())
    return asked


def tuples(rows):
    return list(map(tuple, rows.tolist()))


def lowest(rows, count):
    """The best placements, the earlier first where two are as good."""
    order = sorted(range(len(rows)), key=lambda index: (float(confidence(rows).float()[index]), index))
    return [tuples(rows)[index] for index in order[:count]]


def test_the_paper_s_setting_has_96_points_14_pixels_apart():
    assert PAPER.counts(EXTENT) == (7, 11)
    assert tuples(PAPER.grid(EXTENT)) == [(x, y) for y in range(0, 155, 14) for x in range(0, 99, 14)]
    assert len(PAPER.grid(EXTENT)) == 96


def test_the_paper_s_steps_are_a_quarter_of_a_cell():
    assert PAPER.steps(EXTENT) == (4, 3, 15)


@pytest.mark.parametrize(
    ("strategy", "steps"),
    [
        (HeuristicEvolution(generations=1), (8, 7, 15)),  # 112 / 7 / 2 and 162 / 11 / 2
        (HeuristicEvolution(generations=0), (1, 1, 15)),
        (HeuristicEvolution(generations=100), (1, 1, 15)),
        (HeuristicEvolution(alpha_step=3), (4, 3, 3)),
    ],
)
def test_steps_follow_the_generations_and_are_at_least_one(strategy, steps):
    assert strategy.steps(EXTENT) == steps


@pytest.mark.parametrize("extent", [(0, 0), (0, 50), (50, 0), (1, 1), (3, 200), (200, 3), (500, 400)])
@pytest.mark.parametrize("rate", [0.001, 0.005, 0.3, 1])
def test_the_grid_stays_within_the_image(extent, rate):
    grid = HeuristicEvolution(position_rate=rate).grid(extent)
    assert len(grid) >= 1
    assert len(set(tuples(grid))) == len(grid)
    assert grid.min() >= 0
    assert (grid <= torch.tensor(extent)).all()
    assert min(HeuristicEvolution(position_rate=rate).steps(extent)) >= 1


@pytest.mark.parametrize("seed", range(5))
def test_the_paper_s_budget_is_never_exceeded(seed):
    asked = generations(PAPER, a_space(), seed)
    assert len(asked) == 3
    assert len(asked[0]) == 96
    assert all(0 < len(rows) <= 121 for rows in asked[1:])  # floor(0.3 * 27 * 15)
    assert 1 + sum(map(len, asked)) <= 1 + 96 + 2 * 121


@pytest.mark.parametrize("corners", [open_corners(), corners_with_lesion()], ids=["open", "lesion"])
@pytest.mark.parametrize("variants", [(0,), (3, 5)])
def test_placements_are_allowed_in_range_and_never_repeated(corners, variants):
    asked = torch.cat(generations(HeuristicEvolution(generations=6), a_space(corners, variants)))
    assert len(set(tuples(asked))) == len(asked)
    assert corners[asked[:, 1], asked[:, 0]].all()
    assert ((asked[:, 2] >= ALPHA[0]) & (asked[:, 2] <= ALPHA[1])).all()
    assert set(asked[:, 3].tolist()) == set(variants)


def test_a_lesion_takes_its_points_off_the_grid():
    corners = corners_with_lesion()
    expected = [point for point in tuples(PAPER.grid(EXTENT)) if corners[point[1], point[0]]]
    assert 0 < len(expected) < 96
    assert [row[:2] for row in tuples(generations(PAPER, a_space(corners))[0])] == expected


def test_alpha_on_the_grid_is_drawn_for_each_point():
    alphas = generations(PAPER, a_space())[0][:, 2]
    assert len(alphas.unique()) > 30
    assert alphas.min() < 110
    assert alphas.max() > 210


def may_descend(child, parents, steps):
    """Whether every gene is a parent's own, a step from it, or another parent's; the variant is the parent's."""
    ranges = ((0, EXTENT[0]), (0, EXTENT[1]), ALPHA)
    for parent in parents:
        near = [
            child[gene] in {min(max(parent[gene] + sign * steps[gene], low), high) for sign in (-1, 0, 1)}
            or child[gene] in {other[gene] for other in parents}
            for gene, (low, high) in enumerate(ranges)
        ]
        mutated = any(
            child[gene] in {min(max(parent[gene] + sign * steps[gene], low), high) for sign in (-1, 0, 1)}
            for gene, (low, high) in enumerate(ranges)
        )
        if all(near) and mutated and child[3] == parent[3]:
            return True
    return False


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("variants", [(0,), (2, 4)])
def test_offspring_descend_from_the_fifteen_best_so_far(seed, variants):
    asked = generations(HeuristicEvolution(generations=2), a_space(variants=variants), seed)
    for generation in (1, 2):
        parents = lowest(torch.cat(asked[:generation]), 15)
        assert all(may_descend(child, parents, (4, 3, 15)) for child in tuples(asked[generation]))


def test_offspring_have_children_of_many_parents():
    asked = generations(PAPER, a_space())
    parents = lowest(asked[0], 15)
    alone = [[child for child in tuples(asked[1]) if may_descend(child, [parent], (4, 3, 15))] for parent in parents]
    crossed = [child for child in tuples(asked[1]) if not any(child in children for children in alone)]
    assert len(crossed) > 0.5 * len(asked[1])
    wanted = {parent[0] + sign * 4 for parent in parents for sign in (-1, 0, 1)}
    assert len({child[0] for child in tuples(asked[1])} & wanted) > 5


def test_parents_are_the_lowest_of_parents_and_offspring():
    rises = iter([0.0, 1.0, 2.0])
    told = []

    def worse_each_generation(rows):
        told.append(rows)
        return confidence(rows) + next(rises) * 100

    asked = generations(PAPER, a_space(), score=worse_each_generation)
    parents = lowest(asked[0], 15)  # no offspring is ever better
    assert len(told) == 3
    assert all(may_descend(child, parents, (4, 3, 15)) for child in tuples(asked[2]))


def test_one_parent_has_the_26_neighbours_as_its_children():
    strategy = HeuristicEvolution(population=1, generations=1, crossover=1.0)
    grid, offspring = generations(strategy, a_space())
    (x, y, alpha, _), (dx, dy, da) = lowest(grid, 1)[0], strategy.steps(EXTENT)
    expected = {(x + i * dx, y + j * dy, alpha + k * da, 0) for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)}
    assert ALPHA[0] + da < alpha < ALPHA[1] - da  # so that nothing is clipped
    assert set(tuples(offspring)) == expected - {(x, y, alpha, 0)}


def test_the_search_comes_nearer_to_the_best_place():
    asked = generations(PAPER, a_space())
    best = [float(confidence(rows).min()) for rows in asked]
    assert min(best[1:]) < best[0]


def test_a_blocked_grid_gives_way_to_random_allowed_corners():
    corners = open_corners()
    for x, y in tuples(PAPER.grid(EXTENT)):
        corners[y, x] = False
    first = generations(PAPER, a_space(corners))[0]
    assert len(first) == 15
    assert corners[first[:, 1], first[:, 0]].all()
    assert len(set(tuples(first[:, :2]))) == 15


def test_a_single_free_corner_is_found():
    corners = torch.zeros_like(open_corners())
    corners[77, 33] = True
    asked = torch.cat(generations(PAPER, a_space(corners)))
    assert {row[:2] for row in tuples(asked)} == {(33, 77)}
    assert len(set(tuples(asked))) == len(asked)


def test_each_variant_has_a_grid_of_its_own_size():
    small = open_corners((60, 100))
    asked = generations(HeuristicEvolution(sit=2), Space({1: open_corners(), 2: small}, ALPHA))[0]
    for variant, extent in ((1, EXTENT), (2, (60, 100))):
        assert tuples(asked[asked[:, 3] == variant][:, :2]) == tuples(PAPER.grid(extent))


def test_the_same_image_is_searched_the_same_way_and_another_is_not():
    first, again, other = (tuples(torch.cat(generations(PAPER, a_space(), seed))) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_he_uses_the_plain_logo_and_he_sit_a_turned_one():
    generator = image_generator(0, "a")
    assert (PAPER.variants, PAPER.draw_variants(generator)) == (0, (0,))
    drawn = [HE_SIT.draw_variants(image_generator(0, f"{index}")) for index in range(400)]
    assert {variant for (variant,) in drawn} == set(range(1, HE_SIT.catalogue + 1))


def test_the_variants_of_an_image_are_distinct():
    drawn = HeuristicEvolution(sit=5, catalogue=6).draw_variants(image_generator(0, "a"))
    assert len(set(drawn)) == 5
    assert set(drawn) <= set(range(1, 7))


@pytest.mark.parametrize(
    "parameters",
    [
        {"sit": -1},
        {"sit": 33},
        {"sit": 3, "catalogue": 2},
        {"population": 0},
        {"generations": -1},
        {"alpha_step": 0},
        {"crossover": 0},
        {"crossover": 1.1},
        {"crossover": float("nan")},
        {"position_rate": 0},
        {"position_rate": 2},
        {"position_rate": float("nan")},
    ],
    ids=str,
)
def test_parameters_out_of_range_are_refused_in_one_line(parameters):
    with pytest.raises(InputError, match=r"\Aexpected .*\Z"):
        HeuristicEvolution(**parameters)


@pytest.mark.parametrize("draws", [0, -1])
def test_a_random_search_of_no_draws_is_refused(draws):
    with pytest.raises(InputError, match=r"\Aexpected .*\Z"):
        RandomSearch(draws=draws)


def test_random_draws_are_allowed_and_spread_evenly():
    corners = torch.zeros(6, 5, dtype=torch.bool)
    corners[1:4, 0:4] = True  # 12 corners
    (rows,) = generations(RandomSearch(draws=6000), Space({0: corners, 7: ~corners}, (100, 104)))
    assert set(rows[:, 3].tolist()) == {0, 7}
    plain = rows[rows[:, 3] == 0]
    counts = {place: tuples(plain[:, :2]).count(place) for place in set(tuples(plain[:, :2]))}
    assert counts.keys() == {(x, y) for x in range(4) for y in range(1, 4)}
    expected = len(plain) / 12
    assert sum((count - expected) ** 2 / expected for count in counts.values()) < 31  # chi-square, 11 d.o.f., p 0.001
    assert len(plain) == pytest.approx(3000, abs=200)
    alphas = torch.bincount(rows[:, 2] - 100, minlength=5)
    assert alphas.tolist() == pytest.approx([1200] * 5, abs=120)


def test_a_random_search_asks_once():
    assert [len(rows) for rows in generations(RandomSearch(draws=7), a_space())] == [7]


def test_random_draws_skip_variants_without_room():
    space = Space({0: torch.zeros(3, 3, dtype=torch.bool), 1: torch.ones(3, 3, dtype=torch.bool)}, ALPHA)
    assert space.feasible
    assert set(generations(RandomSearch(draws=50), space)[0][:, 3].tolist()) == {1}
