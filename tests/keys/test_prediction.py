from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miad.errors import InputError
from miad.keys.prediction import needs_delta, pack_places, unpack_places
from miad.keys.remainder import pack
from miad.keys.scene import Scene


def a_host(generator, shape):
    """Waves, with next to no noise."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    wave = 120 + 60 * np.sin(rows / 9 + generator.random()) * np.cos(columns / 7) + generator.normal(0, 0.2, shape[:2])
    wave = wave if len(shape) == 2 else wave[..., None] + np.array([20, 0, -30])
    return wave.clip(0, 255).round().astype(np.int64)


def marked_scene(generator, host, box, alpha, limit=255, dtype=np.uint8):
    """The arithmetic of the tests' own: intervals by trying all host values of each sample."""
    top, left, height, width = box
    region = host[top : top + height, left : left + width]
    logo = generator.integers(0, limit + 1, region.shape)
    weight = np.where(generator.random((height, width)) < 0.8, alpha, 0)
    weight = weight if host.ndim == 2 else weight[..., None]
    marked = host.copy()
    marked[top : top + height, left : left + width] = (weight * logo + (255 - weight) * region + 127) // 255
    all_hosts = np.arange(limit + 1).reshape(-1, *[1] * host.ndim)
    leads = (weight * logo + (255 - weight) * all_hosts + 127) // 255 == marked[top : top + height, left : left + width]
    scene = Scene(marked.astype(dtype), left, top, leads.argmax(axis=0), leads.sum(axis=0))
    return scene, region - scene.low


@st.composite
def boxes(draw):
    shape = draw(st.tuples(st.integers(1, 24), st.integers(1, 24)))
    height, width = draw(st.integers(1, shape[0])), draw(st.integers(1, shape[1]))
    return shape, (draw(st.integers(0, shape[0] - height)), draw(st.integers(0, shape[1] - width)), height, width)


@settings(max_examples=100, deadline=None)
@given(boxes(), st.integers(1, 255), st.booleans(), st.booleans(), st.booleans(), st.integers(0, 2**32 - 1))
def test_unpacking_inverts_packing(box, alpha, colour, smooth, delta, seed):
    generator, (shape, box) = np.random.default_rng(seed), box
    shape = (*shape, 3) if colour else shape
    host = a_host(generator, shape) if smooth else generator.integers(0, 256, shape)
    scene, places = marked_scene(generator, host, box, alpha)
    scene = replace(scene, delta=generator.integers(-8, 9, shape) if delta else None)
    packed = pack_places(places, scene)
    assert np.array_equal(unpack_places(packed, scene), places)
    assert len(packed) <= len(pack(places.ravel(), scene.counts.ravel()))


def a_case(seed=0, shape=(90, 100), box=(5, 0, 80, 100), alpha=200, delta=None):
    generator = np.random.default_rng(seed)
    host = a_host(generator, shape)
    scene, places = marked_scene(generator, host if delta is None else host + delta, box, alpha)
    return replace(scene, delta=delta), places


@pytest.mark.parametrize("shape", [(90, 100), (90, 100, 3)])
def test_smooth_hosts_cost_half_of_what_their_intervals_do(shape):
    scene, places = a_case(shape=shape)
    assert len(pack_places(places, scene)) < len(pack(places.ravel(), scene.counts.ravel())) / 2


def test_many_samples_take_finer_passes_and_come_back():
    scene, places = a_case(shape=(220, 220), box=(0, 0, 220, 220), alpha=230)
    assert (scene.counts > 1).sum() > 1 << 15
    packed = pack_places(places, scene)
    assert len(packed) < len(pack(places.ravel(), scene.counts.ravel())) / 2
    assert np.array_equal(unpack_places(packed, scene), places)


def test_a_known_delta_costs_next_to_nothing():
    delta = np.random.default_rng(5).integers(-8, 9, (90, 100))
    without, known = len(pack_places(*a_case()[::-1])), a_case(delta=delta)
    packed = pack_places(*known[::-1])
    assert needs_delta(packed)
    assert len(packed) < 1.1 * without
    assert len(pack_places(known[1], replace(known[0], delta=None))) > 1.5 * without
    assert np.array_equal(unpack_places(packed, known[0]), known[1])


@pytest.mark.parametrize("alpha", [254, 255])
def test_long_intervals_come_back(alpha):
    scene, places = a_case(alpha=alpha)
    assert scene.counts.max() >= 255
    assert np.array_equal(unpack_places(pack_places(places, scene), scene), places)


def test_deep_pixels_come_back_by_the_bounds_of_their_intervals():
    counts = np.full((30, 30), 40_000)
    places = np.random.default_rng(0).integers(0, counts)
    scene = Scene(np.zeros((40, 40), np.uint16), 3, 4, np.full((30, 30), 11), counts)
    packed = pack_places(places, scene)
    assert packed == pack(places.ravel(), counts.ravel())
    assert np.array_equal(unpack_places(packed, scene), places)
    for tag in (b"\2", b"\3"):
        with pytest.raises(InputError, match="damaged"):
            unpack_places(tag + packed[1:], scene)


def test_short_intervals_of_deep_pixels_are_predicted():
    rows, columns = np.mgrid[:80, :80]
    host = 30_000 + 40 * rows + 25 * columns
    counts, low = np.full((60, 60), 5), host[10:70, 10:70] - np.random.default_rng(0).integers(0, 5, (60, 60))
    scene = Scene(host.astype(np.uint16), 10, 10, low, counts)
    places = host[10:70, 10:70] - low
    packed = pack_places(places, scene)
    assert len(packed) < len(pack(places.ravel(), counts.ravel()))
    assert np.array_equal(unpack_places(packed, scene), places)


@pytest.mark.parametrize("choose", [lambda d: 0 * d, lambda d: d])
def test_remainders_of_early_keys_are_read(choose):
    """They had but mixed radix and deflate, without any prediction."""
    scene, places = a_case()
    places = choose(places)
    early = pack(places.ravel(), scene.counts.ravel())
    assert early[:1] in (b"\0", b"\1")
    assert np.array_equal(unpack_places(early, scene), places)


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-2], lambda d: d + b"\0\0", lambda d: d[:1], lambda d: d[:20], lambda d: b"\4" + d[1:]]
)
def test_damaged_data_are_refused(damage):
    scene, places = a_case()
    packed = pack_places(places, scene)
    assert packed[:1] == b"\2"
    with pytest.raises(InputError, match="damaged"):
        unpack_places(damage(packed), scene)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_the_data_places_lie_in_their_intervals(data):
    scene, places = a_case(shape=(30, 30, 3), box=(2, 3, 20, 25))
    packed = pack_places(places, scene)
    start, length = data.draw(st.integers(0, len(packed))), data.draw(st.integers(0, 40))
    changed = packed[:start] + data.draw(st.binary(max_size=40)) + packed[start + length :]
    try:
        found = unpack_places(changed, scene)
    except InputError:
        return
    assert ((found >= 0) & (found < scene.counts)).all()


def test_an_interval_that_an_edited_pixel_left_empty_is_no_place():
    scene, places = a_case()
    packed = pack_places(places, scene)
    counts = scene.counts.copy()
    counts[3, 4] = 0
    try:
        found = unpack_places(packed, replace(scene, counts=counts))
    except InputError:
        return
    assert found[3, 4] == 0
