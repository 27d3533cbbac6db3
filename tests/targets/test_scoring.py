"""Scoring many images gives what scoring each alone gives."""

from itertools import permutations

import pytest
import torch

from miad.targets import score_images

SHAPES = [(20, 24), (24, 20), (32, 32)]


def images_of(shapes):
    generator = torch.Generator().manual_seed(0)
    return [torch.randint(0, 256, (3, *shape), generator=generator, dtype=torch.uint8) for shape in shapes]


def one_by_one(target, images):
    with torch.no_grad():
        return torch.cat([target(image[None]) for image in images])


@pytest.mark.parametrize("order", [*permutations(range(3)), (0, 1, 0, 1, 2, 2, 0)], ids=str)
@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_mixed_sizes_in_any_order_are_scored_as_each_alone(make_target, order, batch_size):
    target = make_target(3)
    images = images_of(SHAPES[index] for index in order for _ in range(3))
    found = score_images(target, images, batch_size)
    torch.testing.assert_close(found, one_by_one(target, images))
    assert len(found.unique(dim=0)) == len(images)  # so that a wrong order would show


def test_neighbours_of_one_size_share_a_batch(make_target):
    target, sizes = make_target(), []
    target.register_forward_pre_hook(lambda _, arguments: sizes.append(tuple(arguments[0].shape)))
    score_images(target, images_of([SHAPES[0]] * 5 + [SHAPES[1]] + [SHAPES[0]] * 2), 3)
    first, second = (3, *SHAPES[0]), (3, *SHAPES[1])
    assert sizes == [(3, *first), (2, *first), (1, *second), (2, *first)]
    assert target.scored == 8


def test_images_are_read_as_they_are_needed(make_target):
    target, read, counts = make_target(), [], []
    target.register_forward_pre_hook(lambda *_: counts.append(len(read)))

    def one_after_another():
        for image in images_of([SHAPES[0]] * 4 + [SHAPES[1]] * 4):
            read.append(image)
            yield image

    assert len(score_images(target, one_after_another(), 2)) == 8
    assert counts == [2, 4, 6, 8]


def test_scores_are_float32_without_gradients_whatever_the_surroundings(make_target):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = score_images(make_target(), images_of(SHAPES))
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert torch.equal(found, score_images(make_target(), images_of(SHAPES)))


def test_no_images_have_no_rows(make_target):
    assert score_images(make_target(), []).shape == (0, 3)
