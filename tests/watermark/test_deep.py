"""The compositor in stored levels, against brute force over all levels there are."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from miad.watermark import (
    PLAIN,
    Rendering,
    alpha_levels,
    alpha_map,
    blend_stored,
    load_logo,
    logo_levels,
    mix,
    mix_stored,
    preimages,
    preimages_stored,
    render,
)

levels = st.integers(-300, 700)
opacities = st.integers(0, 255)
ranges = st.tuples(levels, levels).filter(lambda pair: pair[0] != pair[1])


def exactly(host, logo, alpha, ends):
    """In exact rational arithmetic, where there are no ties."""
    seen = np.clip(host, min(ends), max(ends)) if alpha else np.asarray(host)
    whole, part = np.divmod(alpha * logo + (255 - alpha) * seen, 255)
    return whole + (part > 127)


def column(*values):
    return [np.array(value, dtype=np.int64).reshape(-1) for value in values]


@given(levels, levels, opacities, ranges)
def test_the_compositor_rounds_the_blend_to_the_nearest_level(host, logo, alpha, ends):
    assert mix_stored(*column(host, logo, alpha), ends)[0] == exactly(host, logo, alpha, ends)


@given(st.integers(-300, 700), opacities, ranges, st.integers(-400, 800))
def test_preimages_are_exactly_the_levels_that_lead_there(logo, alpha, ends, marked):
    limits = (-350, 750)
    hosts = np.arange(limits[0], limits[1] + 1)
    expected = hosts[exactly(hosts, logo, alpha, ends) == marked]
    low, count = preimages_stored(*column(marked, logo, alpha), ends, limits)
    assert count[0] == len(expected)
    if len(expected):
        assert low[0] == expected[0]
        assert np.array_equal(expected, low[0] + np.arange(count[0]))


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
@pytest.mark.parametrize("alpha", [1, 128, 230, 254, 255])
def test_every_host_of_16_bits_lies_in_the_interval_of_its_marked_level(dtype, alpha):
    limits = int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    hosts = np.arange(limits[0], limits[1] + 1)
    logo, opacity = np.full_like(hosts, limits[1] - 5), np.full_like(hosts, alpha)
    marked = mix_stored(hosts.astype(dtype), logo, opacity, limits)
    low, count = preimages_stored(marked.astype(dtype), logo, opacity, limits, limits)
    assert ((low <= hosts) & (hosts < low + count)).all()
    values, sizes = np.unique(marked, return_counts=True)
    assert np.array_equal(count, sizes[np.searchsorted(values, marked)])


def test_on_eight_bits_it_is_the_compositor_of_the_search():

    hosts, logos, alphas = (axis.ravel() for axis in np.meshgrid(*[np.arange(0, 256, 5)] * 3, indexing="ij"))
    tensors = [torch.from_numpy(axis.astype(np.uint8)) for axis in (hosts, logos)]
    own = mix(*tensors, torch.from_numpy(alphas.astype(np.int32)))
    assert np.array_equal(mix_stored(hosts, logos, alphas, (0, 255)), own.numpy())
    low, count = preimages(own, tensors[1], torch.from_numpy(alphas.astype(np.int32)))
    deep_low, deep_count = preimages_stored(own.numpy(), logos, alphas, (0, 255), (0, 255))
    assert np.array_equal(deep_low, low.numpy())
    assert np.array_equal(deep_count, count.numpy())


@pytest.mark.parametrize("ends", [(0, 255), (-200, 1399), (4095, 0), (10, 60)])
def test_the_logo_goes_from_black_to_white(ends):
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    logo = logo_levels(Rendering(ramp, ramp[..., 0]), ends, grey=True)[0]
    assert (logo[0], logo[-1]) == ends
    assert np.abs(logo - np.linspace(*ends, 256)).max() <= 0.5


@pytest.mark.parametrize("shape", [(40, 48), (40, 48, 3)])
def test_a_logo_is_put_where_it_belongs_and_nowhere_else(shape):
    rendering = render(load_logo("emblem"), PLAIN, shape[:2], 2, grey=len(shape) == 2, mode="soft")
    host = np.random.default_rng(0).integers(-1000, 3000, shape).astype(np.int16)
    before = host.copy()
    marked = blend_stored(host, rendering, (7, 3, 200), (-160, 240))
    assert np.array_equal(host, before)
    assert marked.dtype == np.int16
    height, width = rendering.coverage.shape
    strength = np.zeros(shape[:2], int)
    own = alpha_map(torch.from_numpy(rendering.coverage), torch.tensor(200)).numpy()
    strength[3 : 3 + height, 7 : 7 + width] = own
    assert np.array_equal(marked[strength == 0], before[strength == 0])
    expected = before.astype(int)
    logo = np.zeros(shape, int)
    grey = len(shape) == 2
    logo[3 : 3 + height, 7 : 7 + width] = logo_levels(rendering, (-160, 240), grey=grey)
    for index in np.argwhere(strength > 0):
        at = tuple(index)
        expected[at] = exactly(before[at].astype(int), logo[at], int(strength[at]), (-160, 240))
    assert np.array_equal(marked, expected)
    assert np.array_equal(alpha_levels(rendering, 200, grey=True), own)
