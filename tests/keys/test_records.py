"""A record's and a rendering's bytes."""

from dataclasses import replace

import numpy as np
import pytest

from miad.errors import InputError
from miad.keys import Record, rendering_digest
from miad.keys.rendering import pack_rendering, unpack_rendering
from miad.watermark import Rendering

from .samples import RENDERINGS, a_rendering, marked_image

STRANGE = Record('ö "quoted"\nname', "ö/ü.png", 0, 0, 255, "r" * 64, "p" * 64, "f" * 64, b"\n\x00\n", b"{}\n")


@pytest.mark.parametrize("record", [STRANGE, *(marked_image(i, i % 2 == 0, i % 3 == 0)[2] for i in range(4))])
def test_a_record_s_bytes_come_back(record):
    assert Record.from_bytes(record.to_bytes()) == record


def test_a_record_tells_the_kind_and_shape_of_the_pixels():
    _, marked, record = marked_image(0, colour=True)
    assert (record.dtype, record.shape) == ("|u1", marked.shape)


def test_other_records_have_other_bytes():
    _, _, record = marked_image(0)
    others = [{"x": 9}, {"image": "other"}, {"remainder": b"?"}, {"delta": b"?"}, {"shape": (1, 1)}, {"dtype": "<u2"}]
    data = {replace(record, **other).to_bytes() for other in others} | {record.to_bytes()}
    assert len(data) == 1 + len(others)


def test_a_record_shows_nothing_of_what_it_holds():
    record = replace(STRANGE, image="Jane Doe", file="doe.png", marked="a" * 64)
    assert repr(record) == f"{record}" == f"<Record of {'a' * 16}>"


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"{}\n",
        lambda data: data[1:],
        lambda data: data[:20],
        lambda data: b"[1, 2]\n",
        lambda data: b"[" * 100_000,
        lambda data: b"\xff\xfe\n" + data,
        lambda data: data.replace(b'"x"', b'"z"'),
        lambda data: data.replace(b'"x": 2', b'"x": "2"'),
        lambda data: data.replace(b'"x": 2', b'"x": -2'),
        lambda data: data.replace(b'"x": 2', b'"x": 2.0'),
        lambda data: data.replace(b'"delta": 0', b'"delta": 99999'),
        lambda data: data.replace(b"[20, 24]", b'["20", 24]'),
        lambda data: data.replace(b"[20, 24]", b"7"),
    ],
)
def test_a_damaged_record_is_refused(damage):
    data = marked_image(0)[2].to_bytes()
    assert damage(data) != data
    with pytest.raises(InputError, match=r"\Aa record in the key is damaged\Z"):
        Record.from_bytes(damage(data))


def test_a_rendering_is_named_by_its_pixels():
    assert len(RENDERINGS) == 3
    assert rendering_digest(a_rendering(0)) in RENDERINGS
    for part, index in (("rgb", (0, 0, 0)), ("coverage", (0, 0))):
        other = a_rendering(0)
        getattr(other, part)[index] ^= 1
        assert rendering_digest(other) not in RENDERINGS


def test_a_rendering_s_name_tells_its_sides():
    tall, wide = (Rendering(np.zeros((*s, 3), np.uint8), np.zeros(s, np.uint8)) for s in ((6, 4), (4, 6)))
    assert rendering_digest(tall) != rendering_digest(wide)


def test_a_rendering_s_bytes_come_back():
    for digest, rendering in RENDERINGS.items():
        assert rendering_digest(unpack_rendering(pack_rendering(rendering))) == digest


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[:8],
        lambda data: b"\xff" * 8 + data[8:],
        lambda data: b"\0" * 8 + data[8:],
        lambda data: data[:3] + b"\x06" + data[4:],
        lambda data: data[:3] + b"\x04" + data[4:],
    ],
)
def test_a_damaged_rendering_is_refused(damage):
    data = pack_rendering(a_rendering(0))
    assert damage(data) != data
    with pytest.raises(InputError, match=r"\Aa rendering in the key is damaged\Z"):
        unpack_rendering(damage(data))
