"""Delta's packing: every image comes back, in few bytes, and damage is told."""

import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from miad.errors import InputError
from miad.keys import Blocks, Seeded, Shared, delta_of, pack_delta, picture_of, shared_delta, subtract_delta
from miad.keys.pattern import find
from miad.keys.stream import pack_stream, unpack_stream
from miad.vaccine import Vaccine, VaccineOptions, draw_seed

KINDS = ("seeded", "blocks", "shared")

shapes = st.tuples(st.integers(1, 20), st.integers(1, 20)).flatmap(lambda s: st.sampled_from([s, (*s, 3)]))
images = shapes.flatmap(
    lambda shape: hnp.arrays(
        np.uint8, shape, elements=st.one_of(st.integers(0, 255), st.integers(0, 9), st.integers(246, 255))
    )
)


def a_pattern(kind, eps=8, side=4, seed=0):
    generator = np.random.default_rng(seed)
    if kind == "seeded":
        return Seeded(eps, generator.bytes(32))
    if kind == "blocks":
        return Blocks(eps, side)
    return Shared(eps, picture_of(generator.integers(-eps, eps + 1, (3, 7, 5)).astype(np.int8)))


def nominal(pattern, shape, seed=0):
    """What a pattern adds, before anything is cut; the blocks' signs are the test's own."""
    if isinstance(pattern, Blocks):
        cells = np.random.default_rng(seed).choice([-pattern.eps, pattern.eps], shape)
        rows, columns = (np.arange(n) // pattern.side for n in shape[:2])
        return cells[rows[:, None], columns]
    blank = np.zeros(shape, np.uint8)
    return find(pattern, blank, blank, "clip").delta


def added(original, delta, eps, rule):
    """An independent reading of the rules."""
    levels = original.astype(int)
    if rule == "clip":
        return np.clip(levels + delta, 0, 255).astype(np.uint8)
    return np.where((levels < eps) | (levels > 255 - eps), levels, levels + delta).astype(np.uint8)


def unpacked(host, data, pattern):
    shared = pattern.picture if isinstance(pattern, Shared) else None
    return subtract_delta(host, data, shared)


@settings(max_examples=150, deadline=None)
@given(images, st.sampled_from(KINDS), st.sampled_from(["clip", "spare"]), st.integers(1, 127), st.integers(1, 9))
def test_a_delta_of_a_pattern_comes_off(original, kind, rule, eps, side):
    pattern = a_pattern(kind, eps, side)
    host = added(original, nominal(pattern, original.shape), eps, rule)
    assert np.array_equal(unpacked(host, pack_delta(original, host, pattern), pattern), original)


@settings(max_examples=150, deadline=None)
@given(images, st.sampled_from([*KINDS, None]), st.integers(0, 99))
def test_any_pair_of_images_comes_off_whatever_the_pattern(original, kind, seed):
    pattern = None if kind is None else a_pattern(kind, seed=seed)
    host = np.random.default_rng(seed).integers(0, 256, original.shape).astype(np.uint8)
    assert np.array_equal(unpacked(host, pack_delta(original, host, pattern), pattern), original)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rule", ["clip", "spare"])
@pytest.mark.parametrize("shape", [(64, 80), (64, 80, 3)])
def test_a_pattern_costs_next_to_nothing_on_a_slice_with_black_margins(kind, rule, shape):
    original = np.random.default_rng(1).integers(20, 230, shape).astype(np.uint8)
    original[:20] = original[-20:] = 0
    original[30:34] = 255
    pattern = a_pattern(kind)
    host = added(original, nominal(pattern, shape), 8, rule)
    blocks = 16 * 20 * (3 if len(shape) == 3 else 1)
    assert len(pack_delta(original, host, pattern)) < 150 + (blocks / 8 if kind == "blocks" else 0)


def test_a_pixel_that_was_left_alone_costs_a_few_bytes():
    original = np.random.default_rng(1).integers(20, 230, (64, 80)).astype(np.uint8)
    pattern = a_pattern("blocks")
    host = added(original, nominal(pattern, original.shape), 8, "spare")
    whole = len(pack_delta(original, host, pattern))
    host[10:20, 10:20] = original[10:20, 10:20]
    data = pack_delta(original, host, pattern)
    assert np.array_equal(subtract_delta(host, data), original)
    assert len(data) < whole + 80


def test_a_small_box_costs_what_is_in_it():
    original = np.random.default_rng(1).integers(0, 256, (200, 300, 3)).astype(np.uint8)
    host = original.copy()
    host[50:60, 70:90] += 3
    assert len(pack_delta(original, host)) < 60
    host[50:60, 70:90] += np.random.default_rng(2).integers(0, 256, (10, 20, 3)).astype(np.uint8)
    assert 600 <= len(pack_delta(original, host)) < 630


@pytest.mark.parametrize(
    ("ends", "bits", "most"), [(0.5, 1, 1.01), (0.3, 3.134, 1.04)], ids=["signs", "levels with many at the ends"]
)
def test_levels_at_random_cost_little_more_than_their_entropy(ends, bits, most):
    chances = [ends, *[(1 - 2 * ends) / 15] * 15, ends]
    levels = np.random.default_rng(0).choice(np.arange(-8, 9), (300, 300), p=chances)
    original = np.full((300, 300), 100, np.uint8)
    size = len(pack_delta(original, (original + levels).astype(np.uint8)))
    assert bits * levels.size / 8 < size < most * bits * levels.size / 8
    assert size < 0.92 * len(zlib.compress((levels % 256).astype(np.uint8).tobytes(), 9))


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("saturation", ["clip", "spare"])
def test_the_vaccine_s_own_noise_is_its_seed(grey, saturation):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 30) if grey else (40, 30, 3)).astype(np.uint8)
    image = torch.from_numpy(np.atleast_3d(pixels)).permute(2, 0, 1).expand(3, -1, -1)[None]
    seeds = [torch.Generator().manual_seed(5) for _ in range(2)]
    vaccine = Vaccine(VaccineOptions("noise", family="free", saturation=saturation))
    host = vaccine(image, seeds[:1], grey=grey).protected[0].permute(1, 2, 0).numpy()
    host = np.ascontiguousarray(host[..., 0] if grey else host)
    data = pack_delta(pixels, host, Seeded(8, draw_seed(seeds[1])))
    assert np.array_equal(subtract_delta(host, data), pixels)
    assert len(data) < 32 + 20 + 0.1 * pixels.size


def test_an_early_delta_still_comes_off():
    generator = np.random.default_rng(0)
    original, host = generator.integers(0, 256, (2, 9, 11, 3)).astype(np.uint8)
    assert np.array_equal(subtract_delta(host, zlib.compress((host - original).tobytes(), 9)), original)


def test_a_universal_delta_s_picture_tells_it():
    for channels in (1, 3):
        delta = np.random.default_rng(0).integers(-127, 128, (channels, 4, 6)).astype(np.int8)
        assert np.array_equal(delta_of(picture_of(delta)), np.broadcast_to(delta, (3, 4, 6)))


@pytest.mark.parametrize("kind", KINDS)
def test_only_a_shared_delta_is_referred_to(kind):
    original = np.full((30, 30, 3), 100, np.uint8)
    pattern = a_pattern(kind)
    data = pack_delta(original, added(original, nominal(pattern, original.shape), 8, "spare"), pattern)
    assert shared_delta(data) == (pattern.digest if kind == "shared" else "")
    assert shared_delta(b"") == shared_delta(b"\x02") == ""


def test_without_its_picture_a_shared_delta_is_refused():
    original = np.full((30, 30, 3), 100, np.uint8)
    pattern = a_pattern("shared")
    host = added(original, nominal(pattern, original.shape), 8, "spare")
    data = pack_delta(original, host, pattern)
    for other in (None, picture_of(np.ones((3, 2, 2), np.int8))):
        with pytest.raises(InputError, match="a delta that images share is missing"):
            subtract_delta(host, data, other)


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from([*KINDS, None]))
def test_damaged_bytes_are_told_or_give_an_image(data, kind):
    """Never another error, and never more pixels; that it is the wrong image, the digest tells."""
    original = np.random.default_rng(3).integers(0, 256, (17, 13, 3)).astype(np.uint8)
    pattern = a_pattern(kind or "blocks")
    host = added(original, nominal(pattern, original.shape), 8, "clip")
    packed = bytearray(pack_delta(original, host, pattern if kind else None))
    for _ in range(data.draw(st.integers(1, 3))):
        packed[data.draw(st.integers(0, len(packed) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(packed[: data.draw(st.integers(0, len(packed)))])
    try:
        found = unpacked(host, cut, pattern)
    except InputError:
        return
    assert (found.shape, found.dtype) == (host.shape, host.dtype)


@given(st.binary(max_size=300))
def test_foreign_bytes_are_told_or_give_an_image(data):
    host = np.zeros((5, 6), np.uint8)
    try:
        found = subtract_delta(host, data)
    except InputError:
        return
    assert (found.shape, found.dtype) == (host.shape, host.dtype)


@given(st.binary(max_size=2000))
def test_streams_come_back(data):
    assert unpack_stream(pack_stream(data), len(data)) == data
    with pytest.raises(InputError, match="damaged"):
        unpack_stream(pack_stream(data), len(data) + 9)


@pytest.mark.parametrize(
    "data", [bytes(1 << 20), np.random.default_rng(0).choice([1, 9], 1 << 20).astype("u1").tobytes()]
)
def test_no_more_is_unpacked_than_asked_for(data):
    with pytest.raises(InputError, match="damaged"):
        unpack_stream(pack_stream(data), 100)
