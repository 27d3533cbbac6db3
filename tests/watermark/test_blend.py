from importlib import import_module

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from miad.watermark import PLAIN, Placement, alpha_map, blend, draw_variants, load_logo, make_atlas, preimages
from miad.watermark.blend import _blend_each, _blend_together, _divide_by_255

VALUES = torch.arange(256)


def placement(x, y, alpha, variant):
    return Placement(*(torch.tensor(values) for values in (x, y, alpha, variant)))


def blend_exactly(image, logo, alpha):
    """The definition in exact rational arithmetic: no ties exist, so rounding is unambiguous."""
    return np.rint((alpha * logo.astype(np.int64) + (255 - alpha) * image.astype(np.int64)) / 255).astype(np.uint8)


@pytest.fixture
def atlas():
    return make_atlas(load_logo("emblem"), draw_variants(5, seed=1), (40, 48), 2, grey=False)


def test_division_by_shifts_is_floor_division_on_its_whole_domain():
    values = torch.arange(65535, dtype=torch.int32)
    assert torch.equal(_divide_by_255(values), values // 255)


@pytest.fixture(params=[_blend_each, _blend_together])
def way(request, monkeypatch):
    """As on a CPU, and as on a device."""
    monkeypatch.setattr(import_module("miad.watermark.blend"), "_blend_each", request.param)


def test_blend_equals_the_rounded_definition_pixel_by_pixel(hosts, atlas, way):
    xs, ys, alphas, variants = [0, 3, 7, 24], [0, 5, 20, 1], [1, 100, 200, 255], [0, 1, 2, 5]
    marked = blend(hosts[:4], placement(xs, ys, alphas, variants), atlas).numpy()
    for i, (x, y, alpha, variant) in enumerate(zip(xs, ys, alphas, variants, strict=True)):
        expected = hosts[i].numpy().copy()
        logo = atlas.rendering(variant)
        h, w = logo.coverage.shape
        region = expected[:, y : y + h, x : x + w]
        strength = np.where(logo.coverage > 0, alpha, 0)
        region[...] = blend_exactly(region, logo.rgb.transpose(2, 0, 1), strength)
        assert np.array_equal(marked[i], expected)


def test_blend_leaves_its_input_alone(hosts, atlas, way):
    before = hosts.clone()
    blend(hosts, placement([1] * 8, [1] * 8, [200] * 8, [0] * 8), atlas)
    assert torch.equal(hosts, before)


def test_a_mark_in_the_far_corner_stays_inside(hosts, atlas, way):
    height, width = atlas.sizes[3].tolist()
    marked = blend(hosts[:1], placement([48 - width], [40 - height], [255], [3]), atlas)
    changed = (marked != hosts[:1]).any(1)[0].nonzero()
    assert len(changed) > 20
    assert (changed >= torch.tensor([40 - height, 48 - width])).all()


@pytest.mark.parametrize("alpha", [1, 15, 128, 220, 254, 255])
def test_preimages_are_exactly_the_hosts_that_blend_to_a_value(alpha):
    host, logo = torch.meshgrid(VALUES, VALUES[::17], indexing="ij")
    marked = (alpha * logo + (255 - alpha) * host + 127) // 255
    low, count = preimages(marked, logo, torch.full_like(logo, alpha))
    for column in range(logo.shape[1]):
        for value in marked[:, column].unique():
            rows = (marked[:, column] == value).nonzero()[:, 0]
            assert low[rows, column].unique().tolist() == [int(rows.min())]
            assert count[rows, column].unique().tolist() == [len(rows)]


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
def test_a_value_that_no_host_reaches_has_no_preimage(marked, logo, alpha):
    reached = {(alpha * logo + (255 - alpha) * host + 127) // 255 for host in range(256)}
    _, count = preimages(torch.tensor([marked]), torch.tensor([logo]), torch.tensor([alpha]))
    assert (count.item() > 0) == (marked in reached)


@settings(max_examples=30)
@given(st.integers(0, 255), st.integers(0, 255))
def test_alpha_map_is_rounded_product(coverage, alpha):
    assert alpha_map(torch.tensor([coverage]), torch.tensor([alpha])).item() == round(coverage * alpha / 255)


def test_plain_variant_is_first_and_variants_follow_the_seed():
    assert draw_variants(3, seed=7)[0] == PLAIN
    assert draw_variants(3, seed=7) == draw_variants(3, seed=7)
    assert draw_variants(3, seed=7) != draw_variants(3, seed=8)
