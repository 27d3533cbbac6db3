import json
import zlib
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from miad.data.phantom.images import draw_phantom
from miad.errors import InputError, KeyMismatchError
from miad.imaging import from_tensor, to_tensor
from miad.keys import Record, make_record, rendering_digest, restore
from miad.keys.remainder import pack, unpack
from miad.watermark import NAMES, Placement, blend, draw_variants, load_logo, make_atlas

PHANTOMS = {kind: [draw_phantom(kind, 96, 1, i).pixels for i in range(4)] for kind in ("brain", "fundus")}


def marked_and_recorded(pixels, atlas, row, delta=0):
    placement = Placement.from_rows(torch.tensor([row]))
    host = np.clip(pixels.astype(np.int16) + delta, 0, 255).astype(np.uint8)
    marked = from_tensor(blend(to_tensor(host)[None], placement, atlas)[0], grey=pixels.ndim == 2)
    logo = atlas.rendering(row[3])
    return marked, make_record("a", "a.png", pixels, host, marked, row[:3], logo, rendering_digest(logo)), logo


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["brain", "fundus"])
@pytest.mark.parametrize("mode", ["binary", "soft"])
def test_200_random_placements_come_back_bit_for_bit(name, kind, mode):
    atlas = make_atlas(load_logo(name), draw_variants(8, 3), (96, 96), 2, grey=kind == "brain", mode=mode)
    generator = np.random.default_rng(5)
    for trial in range(200):
        pixels = PHANTOMS[kind][trial % 4]
        variant = int(generator.integers(9))
        height, width = atlas.sizes[variant].tolist()
        x, y = generator.integers([97 - width, 97 - height]).tolist()
        marked, record, logo = marked_and_recorded(pixels, atlas, (x, y, int(generator.integers(1, 255)), variant))
        assert not np.array_equal(marked, pixels) or record.alpha < 3
        assert np.array_equal(restore(marked, Record.from_bytes(record.to_bytes()), logo), pixels)


@pytest.mark.parametrize("kind", ["brain", "fundus"])
def test_a_delta_comes_off_bit_for_bit(kind):
    atlas = make_atlas(load_logo("emblem"), draw_variants(0, 0), (96, 96), 2, grey=kind == "brain")
    generator = np.random.default_rng(1)
    for pixels in PHANTOMS[kind]:
        delta = generator.integers(-8, 9, pixels.shape)
        marked, record, logo = marked_and_recorded(pixels, atlas, (20, 30, 170, 0), delta)
        again = Record.from_bytes(record.to_bytes())
        assert again == record
        assert np.array_equal(restore(marked, again, logo), pixels)


def test_no_delta_costs_nothing():
    atlas = make_atlas(load_logo("emblem"), draw_variants(0, 0), (96, 96), 2, grey=True)
    assert marked_and_recorded(PHANTOMS["brain"][0], atlas, (20, 30, 170, 0))[1].delta == b""


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-3], lambda d: d[:5] + b"\xff\xff\xff" + d[8:], lambda d: zlib.compress(b"no")]
)
def test_a_damaged_delta_is_refused(damage):
    atlas = make_atlas(load_logo("emblem"), draw_variants(0, 0), (96, 96), 2, grey=True)
    marked, record, logo = marked_and_recorded(PHANTOMS["brain"][0], atlas, (20, 30, 170, 0), 3)
    with pytest.raises((InputError, KeyMismatchError), match="damaged"):
        restore(marked, replace(record, delta=damage(record.delta)), logo)


@pytest.mark.parametrize("length", [-1, 10**9, "x", None])
def test_a_record_whose_delta_is_cut_off_is_refused(length):
    atlas = make_atlas(load_logo("emblem"), draw_variants(0, 0), (96, 96), 2, grey=True)
    line, _, rest = marked_and_recorded(PHANTOMS["brain"][0], atlas, (20, 30, 170, 0), 3)[1].to_bytes().partition(b"\n")
    fields = json.loads(line) | {"delta": length}
    with pytest.raises(InputError, match="damaged"):
        Record.from_bytes(json.dumps(fields).encode() + b"\n" + rest)


def test_even_an_opaque_mark_comes_back():
    atlas = make_atlas(load_logo("emblem"), draw_variants(0, 0), (96, 96), 2, grey=False)
    marked, record, logo = marked_and_recorded(PHANTOMS["fundus"][0], atlas, (10, 20, 255, 0))
    assert np.array_equal(restore(marked, record, logo), PHANTOMS["fundus"][0])


def test_a_pixel_edited_under_the_logo_does_not_pass_for_the_original():
    atlas = make_atlas(load_logo("emblem"), draw_variants(0, 0), (96, 96), 2, grey=True)
    marked, record, logo = marked_and_recorded(PHANTOMS["brain"][0], atlas, (0, 0, 150, 0))
    for y, x in ((90, 90), (10, 10)):
        edited = marked.copy()
        edited[y, x] ^= 1
        with pytest.raises((KeyMismatchError, InputError)):
            restore(edited, record, logo)


counted = hnp.arrays(np.int64, st.integers(0, 5000), elements=st.integers(1, 256))


@settings(max_examples=40, deadline=None)
@given(counted, st.integers(0, 2**32 - 1))
def test_unpack_inverts_pack(counts, seed):
    places = np.random.default_rng(seed).integers(0, counts)
    assert np.array_equal(unpack(pack(places, counts), counts), places)


def test_random_places_cost_little_more_than_their_entropy():
    generator = np.random.default_rng(0)
    counts = generator.integers(2, 9, 20_000)
    size = len(pack(generator.integers(0, counts), counts))
    entropy = np.log2(counts).sum() / 8
    assert entropy <= size <= 1.01 * entropy


def test_predictable_places_cost_less():
    counts = np.full(20_000, 3)
    assert len(pack(np.ones(20_000, np.int64), counts)) < 100


def test_known_places_cost_nothing():
    assert len(pack(np.zeros(5000, np.int64), np.ones(5000, np.int64))) == 1


@pytest.mark.parametrize("damage", [lambda d: d[:-1], lambda d: d + b"\0", lambda d: b"\7" + d[1:], lambda d: d[:0]])
def test_a_damaged_remainder_is_refused(damage):
    counts = np.full(3000, 5)
    data = pack(np.random.default_rng(0).integers(0, counts), counts)
    with pytest.raises(InputError, match="damaged"):
        unpack(damage(data), counts)
