"""Deep pixels and DICOM files come back from their records, bit for bit."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file

from miad.errors import InputError, KeyMismatchError
from miad.imaging import Shell, Stored, Window, read_stored, with_mark, write_stored
from miad.keys import (
    Form,
    Issuer,
    Record,
    make_record,
    open_key,
    recover_folder,
    rendering_digest,
    restore,
    restored,
    seal_record,
    write_key,
)
from miad.keys.remainder import pack, unpack
from miad.watermark import blend_stored

from .samples import a_rendering

LOGO = a_rendering(4)
NAME = rendering_digest(LOGO)


def an_image(dtype=np.uint16, colour=False, kind="tiff", seed=0, window=None, limits=None):
    limits = limits or (int(np.iinfo(dtype).min), int(np.iinfo(dtype).max))
    shape = (20, 24, 3) if colour else (20, 24)
    pixels = np.random.default_rng(seed).integers(limits[0], limits[1] + 1, shape).astype(dtype)
    return Stored(pixels, window or Window(*limits), limits, kind)


def marked_and_recorded(image, place=(3, 4, 180), delta=0, file="a.tif"):
    host = image.pixels + np.asarray(delta).astype(image.pixels.dtype)
    marked = blend_stored(host, LOGO, place, image.ends)
    record = make_record("a", file, image.pixels, host, marked, place, LOGO, NAME, form=Form.of(image))
    return with_mark(image, marked, "run"), record


@given(
    st.sampled_from([np.uint16, np.int16, np.int8]),
    st.booleans(),
    st.integers(1, 255),
    st.tuples(st.integers(-40000, 70000), st.integers(-40000, 70000)).filter(lambda ends: abs(ends[0] - ends[1]) > 1),
    st.integers(0, 10**6),
)
@settings(max_examples=60, deadline=None)
def test_any_window_depth_and_opacity_comes_back_bit_for_bit(dtype, colour, alpha, window, seed):
    image = an_image(dtype, colour, seed=seed, window=Window(*window))
    marked, record = marked_and_recorded(image, (3, 4, alpha), delta=seed % 3)
    again = Record.from_bytes(record.to_bytes())
    assert again == record
    back = restored(marked, again, LOGO)
    assert np.array_equal(back.pixels, image.pixels)
    assert back.pixels.dtype == image.pixels.dtype
    assert (back.kind, back.window) == (image.kind, image.window)


@given(st.data(), st.integers(1, 65536))
@settings(max_examples=60, deadline=None)
def test_long_intervals_are_packed_and_unpacked(data, longest):
    counts = np.array(data.draw(st.lists(st.integers(1, longest), min_size=1, max_size=40)), dtype=np.int64)
    places = np.array([data.draw(st.integers(0, int(count) - 1)) for count in counts], dtype=np.int64)
    assert np.array_equal(unpack(pack(places, counts), counts), places)


@pytest.mark.parametrize("longest", [256, 257, 4096, 65536])
def test_packing_costs_little_more_than_its_entropy(longest):
    generator = np.random.default_rng(0)
    counts = generator.integers(1, longest + 1, 5000)
    places = generator.integers(0, counts)
    packed = pack(places, counts)
    assert np.array_equal(unpack(packed, counts), places)
    assert len(packed) <= np.log2(counts).sum() / 8 + 12


def test_predictable_places_in_long_intervals_cost_next_to_nothing():
    counts = np.full(5000, 60000)
    packed = pack(np.full(5000, 777), counts)
    assert len(packed) < 100
    assert np.array_equal(unpack(packed, counts), np.full(5000, 777))
    for damaged in (packed[:-3], packed[:1] + packed[3:]):
        with pytest.raises(InputError, match="damaged"):
            unpack(damaged, counts)


def test_an_image_of_8_bits_has_no_form_and_the_record_it_always_had():
    image = Stored(an_image(np.uint8).pixels, kind="tiff")
    _, record = marked_and_recorded(image)
    assert record.form is None
    assert b'"form"' not in record.to_bytes()
    assert set(json.loads(record.to_bytes().partition(b"\n")[0])) == {
        *("image", "file", "x", "y", "alpha", "rendering", "original", "marked", "delta", "dtype", "shape")
    }


def test_the_levels_that_a_file_can_store_bound_the_intervals():
    wide = an_image(np.uint16, limits=(0, 4095), window=Window(1000, 1400))
    _, twelve = marked_and_recorded(wide)
    _, sixteen = marked_and_recorded(replace(wide, limits=(0, 65535)))
    assert len(twelve.remainder) < len(sixteen.remainder)


@pytest.fixture(params=["CT_small.dcm", "MR_small_bigendian.dcm", "examples_rgb_color.dcm"])
def walk(request, tmp_path):
    """A DICOM file, the folder with its marked file, and its key."""
    source = Path(get_testdata_file(request.param, download=False))
    image = read_stored(source)
    marked, record = marked_and_recorded(image, file="case/1.dcm")
    write_stored(tmp_path / "marked" / "case" / "1.dcm", marked)
    issuer = Issuer.generate()
    write_key(tmp_path / "a.miadkey", [seal_record(record, issuer.recipient)], {NAME: LOGO}, issuer)
    return source, record, issuer


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_dicom_file_comes_back_byte_for_byte(walk, tmp_path):
    source, _, issuer = walk
    out = tmp_path / "out"
    (tmp_path / "marked" / "case" / "1.dcm").rename(tmp_path / "marked" / "7.8.9")  # no suffix tells what it is
    with open_key(tmp_path / "a.miadkey", issuer.identity) as key:
        assert [result.problem for result in recover_folder(key, tmp_path / "marked", out)] == [""]
        assert (out / "7.8.dcm").read_bytes() == source.read_bytes()
        assert [result.already for result in recover_folder(key, tmp_path / "marked", out)] == [True]
        data = bytearray(source.read_bytes())
        data[data.index(b"Compressed") if b"Compressed" in data else 200] ^= 1  # the pixels are right, a tag is not
        (out / "7.8.dcm").write_bytes(data)
        assert [result.already for result in recover_folder(key, tmp_path / "marked", out)] == [False]
        assert (out / "7.8.dcm").read_bytes() == source.read_bytes()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_tags_that_are_not_the_originals_are_never_written(walk, tmp_path):
    _, record, _ = walk
    marked = read_stored(tmp_path / "marked" / "case" / "1.dcm")
    shell = Shell.unpack(record.form.shell)
    other = replace(shell, before=shell.before[:200] + b"!" + shell.before[201:])
    wrong = replace(record, form=replace(record.form, shell=other.pack()))
    with pytest.raises(KeyMismatchError, match="tags are not the original's"):
        restored(marked, wrong, LOGO)
    cut = replace(record, form=replace(record.form, shell=record.form.shell[:-5]))
    with pytest.raises(InputError, match="damaged"):
        restored(marked, cut, LOGO)


@pytest.mark.parametrize(
    "change",
    [
        {"ends": [0]},
        {"ends": [0, "x"]},
        {"limits": [5, 5]},
        {"limits": [0, 10**9]},
        {"shell": -1},
        {"shell": 10**9},
        {"file": 3},
        {"more": 1},
        {"ends": None},
    ],
)
def test_a_damaged_form_is_refused(change):
    line, _, rest = marked_and_recorded(an_image())[1].to_bytes().partition(b"\n")
    fields = json.loads(line)
    fields["form"] |= change
    with pytest.raises(InputError, match="damaged"):
        Record.from_bytes(json.dumps(fields).encode() + b"\n" + rest)


@pytest.mark.parametrize("form", [0, [], "x", {}, {"ends": [0, 9]}])
def test_what_is_no_form_is_refused(form):
    line, _, rest = marked_and_recorded(an_image())[1].to_bytes().partition(b"\n")
    with pytest.raises(InputError, match="damaged"):
        Record.from_bytes(json.dumps(json.loads(line) | {"form": form}).encode() + b"\n" + rest)


def test_an_image_of_another_depth_is_not_the_marked_one():
    marked, record = marked_and_recorded(an_image())
    with pytest.raises(KeyMismatchError, match="not those that were written"):
        restore(marked.pixels.view(np.int16), record, LOGO)
