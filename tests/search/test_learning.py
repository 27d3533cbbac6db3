"""Learned places against planted truths."""

import pytest
import torch

from miad.errors import InputError
from miad.search import Answers, LearnedPlaces, Ranking, Space, image_generator, learn

SETTINGS = LearnedPlaces(candidates=96, examples=4, kept=12, learned_variants=2)
ALPHA = (100, 220)


def a_space(width=40, height=30, variants=(0, 1, 2), blocked=None):
    corners = torch.ones(height, width, dtype=torch.bool)
    if blocked is not None:
        corners[blocked] = False
    return Space(dict.fromkeys(variants, corners), ALPHA)


def follow(settings, spaces, fooled, seed=0):
    """The lesson, and all trials, when ``fooled(image, rows)`` says where marks work."""
    script = learn(settings, spaces, image_generator(seed, "places"))
    trials, asked = next(script), []
    while True:
        asked.append(trials)
        works = torch.tensor(
            [
                fooled(image, *row)
                for image, row in zip(trials.image.tolist(), trials.placement.rows().tolist(), strict=True)
            ]
        ).bool()
        try:
            trials = script.send(Answers(torch.where(works, 0.1, 0.9), works))
        except StopIteration as end:
            return end.value, asked


def corner_of(ranking, space):
    return ranking.placements(space).rows().tolist()


def test_rounds_double_the_images_and_halve_the_places():
    assert SETTINGS.rounds == [4, 8, 16, 32]
    assert LearnedPlaces(candidates=200, examples=3, kept=24).rounds == [3, 6, 12, 24, 48]
    assert LearnedPlaces(candidates=24, kept=24).rounds == [4]
    lesson, asked = follow(SETTINGS, [a_space()] * 60, lambda *_: False)
    assert [len(trials.placement) for trials in asked] == [96 * 4, 48 * 8, 24 * 16, 12 * 32]
    assert int(lesson.scored.sum()) == 4 * 384
    assert lesson.scored[:12].tolist() == [60] * 12
    assert torch.cat([trials.image for trials in asked]).unique().tolist() == list(range(60))


def test_places_that_work_are_learned_and_those_that_do_not_are_dropped():
    def left(image, x, y, alpha, variant):
        return x < 8 and variant == 1

    space = a_space()
    lesson, _ = follow(SETTINGS, [space] * 60, left)
    truth = [left(0, *row) for row in corner_of(lesson.places, space)]
    assert 0 < sum(truth) <= 12
    assert truth == sorted(truth, reverse=True)
    assert lesson.fooled[: sum(truth)].tolist() == [60] * sum(truth)


def test_places_complement_each_other():
    """On two images of three the left works, on the others the right: both come before a second one of the left."""

    def works(image, x, y, alpha, variant):
        return x < 12 if image % 3 else x > 30

    space = a_space()
    lesson, _ = follow(SETTINGS, [space] * 60, works)
    first, second = corner_of(lesson.ranking, space)[:2]
    assert first[0] < 12
    assert second[0] > 30


def test_a_place_is_tried_only_where_it_is_allowed():
    spaces = [
        a_space(blocked=(slice(None), slice(0, 20))),
        a_space(blocked=(slice(10, None),)),
        a_space(variants=(0, 2)),
    ]
    lesson, asked = follow(SETTINGS, spaces * 20, lambda *_: True)
    for trials in asked:
        for image, row in zip(trials.image.tolist(), trials.placement.rows(), strict=True):
            x, y, _, variant = row.tolist()
            space = (spaces * 20)[image]
            assert variant in space.variants
            assert space.corners[variant][y, x]
    assert (lesson.fooled == lesson.scored).all()


@pytest.mark.parametrize("count", [1, 3, 5, 30])
def test_few_images_end_it_early(count):
    lesson, asked = follow(SETTINGS, [a_space()] * count, lambda image, x, *_: x > 20)
    assert int(torch.cat([trials.image for trials in asked]).max()) == count - 1
    assert len(lesson.ranking) == 12
    assert int(lesson.scored.max()) == count


def test_every_candidate_is_reported_once():
    lesson, _ = follow(SETTINGS, [a_space()] * 60, lambda image, x, *_: x > 20)
    drawn = Ranking.draw(96, (0, 1, 2), ALPHA, image_generator(0, "places"))
    assert sorted(map(tuple, lesson.places.relative.tolist())) == sorted(map(tuple, drawn.relative.tolist()))
    assert (lesson.fooled <= lesson.scored).all()
    assert (lesson.scored >= 4).all()


def test_learning_depends_on_the_generator_alone():
    lessons = [follow(SETTINGS, [a_space()] * 60, lambda image, x, *_: x > 20, seed)[0] for seed in (1, 1, 2)]
    assert torch.equal(lessons[0].places.relative, lessons[1].places.relative)
    assert not torch.equal(lessons[0].places.relative, lessons[2].places.relative)


def test_places_are_relative_to_the_image_and_the_variant():
    ranking = Ranking(
        torch.tensor([[0, 0], [1, 1], [0.5, 0.25]]).double(), torch.tensor([90, 250, 150]), torch.tensor([0, 1, 0])
    )
    corners = {0: torch.ones(21, 41, dtype=torch.bool), 1: torch.ones(11, 5, dtype=torch.bool)}
    assert ranking.placements(Space(corners, ALPHA)).rows().tolist() == [
        [0, 0, 100, 0],
        [4, 10, 220, 1],
        [20, 5, 150, 0],
    ]
    space = Space({0: corners[0]}, ALPHA)
    assert space.allows(ranking.placements(space)).tolist() == [True, False, True]


def scripted(ranking, space, seed=0, settings=SETTINGS):
    """What the search asks for where nothing ever works."""
    strategy = settings.ranked(ranking)
    generator = image_generator(seed, "image")
    drawn = strategy.draw_variants(generator)
    search = strategy.start(Space(dict.fromkeys(drawn, space), ALPHA), generator)
    asked = []
    while len(placement := search.ask()):
        asked.append(placement.rows().tolist())
        search.tell(torch.full((len(placement),), 0.9))
    return drawn, asked


def test_learned_places_come_first_by_rank_then_the_grid_of_the_image_s_own_variant():
    ranking = Ranking.draw(12, (0, 1, 2), ALPHA, image_generator(3, "r"))
    corners = torch.ones(60, 80, dtype=torch.bool)
    drawn, asked = scripted(ranking, corners)
    learned = ranking.placements(Space(dict.fromkeys((0, 1, 2), corners), ALPHA)).rows().tolist()
    assert [len(part) for part in asked[:4]] == [1, 2, 4, 5]
    assert [row for part in asked[:4] for row in part] == learned
    assert {row[3] for row in asked[4]} == {drawn[0]}
    assert set(drawn) == {drawn[0], 0, 1, 2}
    everything = [tuple(row) for part in asked for row in part]
    assert len(set(everything)) == len(everything)


def test_the_best_learned_places_are_parents_of_the_evolution():
    """A learned place that is better than the whole grid has children near it."""
    corners = torch.ones(100, 150, dtype=torch.bool)
    ranking = Ranking(torch.tensor([[0.9, 0.9]]).double(), torch.tensor([200]), torch.tensor([0]))
    strategy = LearnedPlaces(sit=0, candidates=1, kept=1, population=1, crossover=1.0).ranked(ranking)
    search = strategy.start(Space({0: corners}, ALPHA), image_generator(0, "image"))
    asked = []
    while len(placement := search.ask()):
        asked.append(placement)
        best = (placement.x == 134) & (placement.y == 89) & (placement.alpha == 200)
        search.tell(torch.where(best, 0.1, 0.9))
    children = asked[2]
    assert ((children.x - 134).abs() <= 6).all()
    assert ((children.y - 89).abs() <= 6).all()
    assert len(children) == 26


def ask_all(search):
    asked = []
    while len(placement := search.ask()):
        asked.append(placement.rows().tolist())
        search.tell(torch.full((len(placement),), 0.9))
    return asked


def test_where_no_learned_variant_has_room_the_evolution_searches_alone():
    ranking = Ranking(torch.tensor([[0.0, 0.0]]).double(), torch.tensor([200]), torch.tensor([1]))
    corners = torch.ones(60, 80, dtype=torch.bool)
    settings = LearnedPlaces(sit=0, candidates=1, kept=1)
    for space in (Space({0: corners}, ALPHA), Space({0: corners, 1: torch.zeros(3, 4, dtype=torch.bool)}, ALPHA)):
        asked = ask_all(settings.ranked(ranking).start(space, image_generator(0, "image")))
        alone = super(LearnedPlaces, settings).evolve(space, image_generator(0, "image"), (0,))
        assert asked == ask_all(alone)


def test_a_learned_place_that_a_lesion_forbids_is_tried_as_near_as_it_may_be():
    ranking = Ranking(torch.tensor([[0.5, 0.5]]).double(), torch.tensor([200]), torch.tensor([0]))
    corners = torch.ones(61, 81, dtype=torch.bool)
    corners[20:40, :43] = False
    strategy = LearnedPlaces(sit=0, candidates=1, kept=1).ranked(ranking)
    search = strategy.start(Space({0: corners}, ALPHA), image_generator(0, "image"))
    assert search.ask().rows().tolist() == [[43, 30, 200, 0]]


def test_nothing_is_searched_before_it_was_learned():
    with pytest.raises(RuntimeError, match="expected learned places"):
        LearnedPlaces().start(a_space(), image_generator(0, "image"))


@pytest.mark.parametrize(
    "options", [{"candidates": 23}, {"examples": 0}, {"kept": 0}, {"learned_variants": -1}, {"learned_variants": 33}]
)
def test_settings_that_learn_nothing_are_refused(options):
    with pytest.raises(InputError, match=r"\Aexpected \w+ of at least \d+, found -?\d+\Z"):
        LearnedPlaces(**options)
