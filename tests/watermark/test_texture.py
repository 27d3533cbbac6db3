"""Keyed textures against a pixel-by-pixel reference of the tests' own, their bounds, and where they come in."""

import hashlib
import hmac
from math import isqrt

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from miad.errors import InputError
from miad.watermark import (
    PLAIN,
    KeyedTexture,
    Logo,
    Placement,
    Rendering,
    Texture,
    TextureOptions,
    Variant,
    blend,
    draw_emblem,
    keyed_texture,
    make_atlas,
    stack,
)
from miad.watermark.blend import _blend_together
from miad.watermark.texture_field import draw_fields

SECRET = bytes(range(16))
TEXTURES = st.builds(
    KeyedTexture,
    st.integers(0, 127),
    st.integers(0, 127),
    st.sampled_from([1, 2, 4, 8, 16]),
    st.booleans(),
    st.binary(min_size=16, max_size=16),
).filter(lambda texture: texture.colour or texture.alpha)


def reference(secret, height, width, grain):
    """The fields by the book: one pixel at a time, in Python's own integers."""

    def stream(side, what, length):
        head = f"miad texture 1\n{len(secret)}\n{side}\n".encode()
        return hashlib.shake_256(head + secret + what).digest(length)

    def lattice(side, row, column, number):
        return 2 * stream(side, f"row {row}".encode(), 5 * (column + 1))[5 * column + number] - 255

    def patch(side, y, x, number):
        top, left = (byte % side for byte in stream(side, b"offset", 2))
        (row, down), (column, across) = divmod(y + top, side), divmod(x + left, side)
        corners = [(0, 0, side - down, side - across), (0, 1, side - down, across)]
        corners += [(1, 0, down, side - across), (1, 1, down, across)]
        total = sum(lattice(side, row + i, column + j, number) * v * h for i, j, v, h in corners)
        value = total // side**2
        return value * 2 // 3 if side == 1 else value

    sides = [side for side in (1, 2, 4, 8, 16, 32, 64) if side <= grain]
    field = np.zeros((5, height, width), dtype=np.int64)
    for number, y, x in np.ndindex(*field.shape):
        total = sum(patch(side, y, x, number) for side in sides)
        field[number, y, x] = max(-255, min(255, total * isqrt(131072 // len(sides)) >> 8))
    return field


def random_rendering(seed, height=11, width=14, *, grey=False):
    generator = np.random.default_rng(seed)
    rgb = generator.integers(0, 256, (height, width, 1 if grey else 3)).repeat(3 if grey else 1, axis=2)
    coverage = generator.choice([0, 1, 90, 255], (height, width))
    return Rendering(rgb.astype(np.uint8), coverage.astype(np.uint8))


@pytest.mark.parametrize("grain", [1, 4, 16])
def test_fields_are_those_of_the_reference(grain):
    expected = reference(SECRET, 6, 9, grain)
    assert np.array_equal(draw_fields(SECRET, 6, 9, grain), expected)
    assert np.array_equal(draw_fields(SECRET, 6, 9, grain, [3, 1]), expected[[3, 1]])


def test_fields_stay_the_same_for_ever():
    """A key names its textures by their secret alone: another field would be another original."""
    digest = hashlib.sha256(draw_fields(SECRET, 40, 56, 16).astype("<i2").tobytes()).hexdigest()
    assert digest == "74e4929931094a577935df95e9f64641e75caa3fd6bc40e22e96be643d63fa05"


@given(st.binary(min_size=1, max_size=16), st.integers(1, 24), st.integers(1, 24), st.sampled_from([1, 2, 8]))
def test_a_smaller_field_is_the_corner_of_a_larger_one(secret, height, width, grain):
    whole = draw_fields(secret, 24, 24, grain)
    assert np.array_equal(draw_fields(secret, height, width, grain), whole[:, :height, :width])


@pytest.mark.parametrize("grain", [1, 2, 8, 32])
def test_fields_fill_their_range_at_every_grain(grain):
    fields = draw_fields(SECRET, 160, 160, grain)
    assert -255 <= fields.min() < -235
    assert 235 < fields.max() <= 255
    assert np.abs(fields.mean((1, 2))).max() < 40
    assert fields.std() == pytest.approx(137, abs=12)


@pytest.mark.parametrize("grain", [1, 16])
def test_neighbours_are_alike_where_the_grain_is_coarse(grain):
    field = draw_fields(SECRET, 128, 128, grain)[0].astype(float)
    alike = np.corrcoef(field[:, :-1].ravel(), field[:, 1:].ravel())[0, 1]
    assert alike == pytest.approx(0, abs=0.05) if grain == 1 else 0.6 < alike < 0.95


@given(TEXTURES, st.integers(0, 9))
def test_a_texture_keeps_within_its_bounds(texture, seed):
    plain = random_rendering(seed, grey=texture.grey)
    worn = texture.on(plain)
    drawn = plain.coverage > 0
    assert np.array_equal(worn.coverage > 0, drawn)
    assert np.array_equal(worn.rgb[~drawn], plain.rgb[~drawn])
    middle = plain.rgb.astype(int).clip(texture.colour, 255 - texture.colour)
    assert np.abs(worn.rgb - middle)[drawn].max(initial=0) <= texture.colour
    lost = 1 - worn.coverage[drawn] / plain.coverage[drawn].astype(float)
    assert (lost <= (2 * texture.alpha + 1) / 255 + 1 / plain.coverage[drawn]).all()
    assert (worn.coverage <= plain.coverage).all()
    if texture.grey:
        assert (worn.rgb == worn.rgb[..., :1]).all()


def test_a_texture_reaches_its_bounds():
    flat = Rendering(np.full((96, 96, 3), 200, np.uint8), np.full((96, 96), 255, np.uint8))
    worn = KeyedTexture(50, 40, 8, False, SECRET).on(flat)
    assert (worn.rgb.min(), worn.rgb.max()) == (150, 250)
    assert (worn.coverage.min(), worn.coverage.max()) == (255 - 80, 255)
    assert (worn.rgb[..., 0] != worn.rgb[..., 1]).mean() > 0.8
    mean = Texture.mean(TextureOptions(50, 40, 8), 96, 96).on(flat)
    assert (mean.rgb == 200).all()
    assert (mean.coverage == 255 - 40).all()


@given(TEXTURES)
def test_the_text_in_a_key_leads_back(texture):
    assert KeyedTexture.parse(texture.text) == texture
    assert texture.secret.hex() in texture.text
    assert texture.secret.hex() not in repr(texture)
    assert str(texture.secret) not in repr(texture)


TEXT = KeyedTexture(48, 0, 16, True, SECRET).text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        TEXT[:-1],
        TEXT[:-2],
        TEXT + "00",
        "2" + TEXT[1:],
        TEXT.replace(":48:", ":128:"),
        TEXT.replace("16", "3"),
    ],
)
def test_a_damaged_text_is_refused(text):
    with pytest.raises(InputError, match="texture in the key is damaged"):
        KeyedTexture.parse(text)


def test_every_image_has_a_secret_of_its_own():
    options = TextureOptions(48, 16, 8)
    keyed = keyed_texture(options, b"s" * 32, "ä/1.png", grey=True)
    expected = hmac.new(b"s" * 32, b"miad texture\n" + "ä/1.png".encode(), hashlib.sha256).digest()[:16]
    assert keyed == KeyedTexture(48, 16, 8, True, expected)
    others = [
        keyed_texture(options, b"s" * 32, "2.png", grey=True),
        keyed_texture(options, b"t" * 32, "ä/1.png", grey=True),
    ]
    for other in others:
        assert (other.draw(32, 32).shade != keyed.draw(32, 32).shade).float().mean() > 0.9


@pytest.mark.parametrize(
    "options",
    [
        {"colour": -1},
        {"colour": 128},
        {"alpha": 200},
        {"grain": 3, "colour": 1},
        {"grain": 128},
        {"insecure_secret": "x"},
    ],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(InputError, match="expected"):
        TextureOptions(**options)


def test_the_compositor_blends_what_the_renderings_wear():
    """One by one, all together, and by renderings that wear their textures already."""
    logo = Logo("emblem", draw_emblem("emblem", 128))
    atlas = make_atlas(logo, [PLAIN, Variant(angle=-21.0, value=1.1)], (60, 80), 2.0, grey=False, mode="soft")
    generator = torch.Generator().manual_seed(5)
    images = torch.randint(0, 256, (6, 3, 60, 80), generator=generator).to(torch.uint8)
    rows = [(0, 0, 100, 0), (5, 7, 220, 1), (99, 99, 180, 0), (99, 99, 255, 1), (20, 9, 1, 0), (11, 3, 160, 1)]
    sizes = atlas.sizes.tolist()
    rows = [(min(x, 80 - sizes[v][1]), min(y, 60 - sizes[v][0]), alpha, v) for x, y, alpha, v in rows]
    placement = Placement.from_rows(torch.tensor(rows))
    keyed = [keyed_texture(TextureOptions(60, 30, 8), b"s", str(number), grey=False) for number in range(6)]
    textures = [one.draw(*atlas.rgb.shape[-2:]) for one in keyed]
    marked = blend(images, placement, atlas, textures)
    for index, (one, row) in enumerate(zip(keyed, rows, strict=True)):
        alone = stack([one.on(atlas.rendering(row[3]))])
        place = Placement.from_rows(torch.tensor([[*row[:3], 0]]))
        assert torch.equal(blend(images[index : index + 1], place, alone)[0], marked[index])
    together = images.clone()
    _blend_together(together, placement, atlas, textures)
    assert torch.equal(together, marked)
    assert not torch.equal(marked, blend(images, placement, atlas))
