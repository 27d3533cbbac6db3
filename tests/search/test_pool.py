"""The pool against a one-by-one loop that does what the paper's algorithm says and nothing else."""

import pytest
import torch

from miad.lesions import allowed_corners, cropped_corners
from miad.search import HeuristicEvolution, Pool, RandomSearch, Space, Status, image_generator
from miad.targets import Ensemble
from miad.watermark import blend, draw_variants, load_logo, make_atlas

STRATEGIES = {
    "random": RandomSearch(draws=7),
    "he": HeuristicEvolution(position_rate=0.02, population=4),
    "he_sit": HeuristicEvolution(sit=2, catalogue=5, position_rate=0.02, population=4),
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


def one_by_one(ensemble, host, label, search, atlas):
    """Placement, queries and success of one image, scored a candidate at a time."""
    queries, best = 1, (float("inf"), None)
    while len(asked := search.ask()):
        confidences = []
        for index in range(len(asked)):
            candidate = asked[index : index + 1]
            probabilities = ensemble(blend(host[None], candidate, atlas))
            queries += 1
            confidence = float(ensemble.confidence(probabilities, label[None]))
            if bool(ensemble.misread(probabilities, label[None])):
                return candidate.rows().tolist()[0], queries, True
            if confidence < best[0]:
                best = confidence, candidate.rows().tolist()[0]
            confidences.append(confidence)
        search.tell(torch.tensor(confidences))
    return best[1], queries, False


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
    ensemble, hosts, labels = scene
    strategy = STRATEGIES[name]
    atlas = make_atlas(load_logo("emblem"), draw_variants(strategy.variants, 1), (40, 48), 2.5, grey=False)
    outcomes = Pool(ensemble, batch_size).run(hosts, labels, make_searches(strategy, atlas, 16), atlas)
    found = [(o.placement.rows().tolist()[0], o.queries, o.status is Status.SUCCESS) for o in outcomes]
    searches = make_searches(strategy, atlas, 16)
    with torch.no_grad():
        expected = [one_by_one(ensemble, *case, atlas) for case in zip(hosts, labels, searches, strict=True)]
    assert found == expected
    assert {success for *_, success in expected} == {True, False}


def test_no_forward_is_larger_than_the_batch_and_none_is_empty(scene):
    ensemble, hosts, labels = scene
    sizes = []
    ensemble.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
    atlas = make_atlas(load_logo("emblem"), draw_variants(0, 1), (40, 48), 2.5, grey=False)
    Pool(ensemble, 10).run(hosts, labels, make_searches(STRATEGIES["he"], atlas, 16), atlas)
    assert max(sizes) == 10
    assert min(sizes) > 0


def test_solved_images_leave_their_places_to_others(scene):
    ensemble, hosts, labels = scene
    sizes = []
    ensemble.register_forward_pre_hook(lambda _, inputs: sizes.append(len(inputs[0])))
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
