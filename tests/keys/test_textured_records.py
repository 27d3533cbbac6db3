"""Records of textured marks: exact, of hardly any bytes, and of no use with another secret."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miad.errors import InputError, KeyMismatchError
from miad.keys import (
    Issuer,
    Record,
    make_record,
    open_key,
    rendering_digest,
    restore,
    seal_record,
    write_issuer,
    write_key,
)
from miad.watermark import KeyedTexture

from .samples import a_rendering

TEXTURES = st.builds(
    KeyedTexture,
    st.integers(1, 127),
    st.integers(0, 127),
    st.sampled_from([1, 4, 16]),
    st.booleans(),
    st.binary(min_size=16, max_size=16),
)


def textured_image(texture, seed, alpha, delta=False):
    """An original, its marked image and the record; blended by arithmetic of the tests' own."""
    generator = np.random.default_rng(seed)
    shape = (20, 24) if texture.grey else (20, 24, 3)
    original = generator.integers(0, 256, shape).astype(np.uint8)
    host = original + generator.integers(0, 9, shape).astype(np.uint8) if delta else original
    rendering = a_rendering(seed)
    worn = texture.on(rendering)
    m = np.array([[(int(c) * alpha + 127) // 255 for c in line] for line in worn.coverage])
    ink = worn.rgb[..., 0].astype(int) if texture.grey else worn.rgb.astype(int)
    m = m if texture.grey else m[..., None]
    marked = host.copy()
    part = marked[3:8, 2:9]
    part[...] = (m * ink + (255 - m) * part.astype(int) + 127) // 255
    name = rendering_digest(rendering)
    record = make_record(
        f"id {seed}", f"{seed}.png", original, host, marked, (2, 3, alpha), rendering, name, texture=texture
    )
    return original, marked, record, rendering


@given(TEXTURES, st.integers(0, 99), st.integers(1, 255), st.booleans())
def test_what_is_under_a_textured_mark_comes_back_bit_for_bit(texture, seed, alpha, delta):
    original, marked, record, rendering = textured_image(texture, seed, alpha, delta)
    again = Record.from_bytes(record.to_bytes())
    assert again == record
    assert np.array_equal(restore(marked, again, rendering), original)


@given(TEXTURES, st.integers(0, 99))
def test_nothing_comes_back_without_the_secret(texture, seed):
    _, marked, record, rendering = textured_image(texture, seed, 150)
    other = bytes(byte ^ 255 for byte in texture.secret)
    for text in (replace(texture, secret=other).text, ""):
        with pytest.raises((InputError, KeyMismatchError)):
            restore(marked, replace(record, texture=text), rendering)


def test_a_texture_costs_a_key_some_bytes_and_none_where_there_is_none():
    texture = KeyedTexture(64, 32, 16, True, bytes(16))
    record = textured_image(texture, 1, 150)[2]
    plain = replace(record, texture="")
    assert b"texture" not in plain.to_bytes()
    assert Record.from_bytes(plain.to_bytes()) == plain
    assert 0 < len(record.to_bytes()) - len(plain.to_bytes()) < 80


@pytest.mark.parametrize("text", ["1:64:32", 7, None, "1:64:32:16:1:zz"])
def test_a_damaged_texture_is_told(text):
    _, marked, record, rendering = textured_image(KeyedTexture(64, 32, 16, True, bytes(16)), 1, 150)
    line, _, rest = record.to_bytes().partition(b"\n")
    damaged = json.dumps(json.loads(line) | {"texture": text}).encode() + b"\n" + rest
    with pytest.raises(InputError, match="damaged"):
        restore(marked, Record.from_bytes(damaged), rendering)


def test_a_key_file_restores_it_from_the_rendering_that_all_images_share(tmp_path):
    issuer = Issuer.generate()
    write_issuer(tmp_path / "a.identity", issuer)
    images = [textured_image(KeyedTexture(64, 0, 8, True, bytes([n] * 16)), 4, 150) for n in range(3)]
    records = [seal_record(record, issuer.recipient) for _, _, record, _ in images]
    write_key(tmp_path / "a.miadkey", records, {images[0][2].rendering: images[0][3]}, issuer)
    with open_key(tmp_path / "a.miadkey") as key:
        assert len(key.renderings) == 1
        for original, marked, _, _ in images:
            assert np.array_equal(key.restore(marked), original)
