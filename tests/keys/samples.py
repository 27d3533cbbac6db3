"""Small marked images with their records, marked by arithmetic of the tests' own."""

import sqlite3
from contextlib import closing

import numpy as np

from miad.imaging import write_png
from miad.keys import Issuer, make_record, rendering_digest, seal_record, write_key
from miad.keys.writing import changing, insert
from miad.watermark import Rendering


def a_rendering(seed, height=5, width=7):
    generator = np.random.default_rng(seed)
    rgb, coverage = generator.integers(0, 256, (height, width, 3)), generator.integers(0, 2, (height, width)) * 255
    return Rendering(rgb.astype(np.uint8), coverage.astype(np.uint8))


RENDERINGS = {rendering_digest(rendering): rendering for rendering in map(a_rendering, range(3))}


def marked_image(index, colour=False, delta=False):
    """An original, its marked image and the record."""
    generator = np.random.default_rng(100 + index)
    shape = (20, 24, 3) if colour else (20, 24)
    original = generator.integers(0, 256, shape).astype(np.uint8)
    host = original + generator.integers(0, 9, shape).astype(np.uint8) if delta else original
    name, rendering = list(RENDERINGS.items())[index % 3]
    x, y, alpha = 2 + index % 10, 3 + index % 7, 80 + 9 * (index % 10)
    m = np.where(rendering.coverage == 255, alpha, 0).astype(int)
    logo = rendering.rgb.astype(int) if colour else rendering.rgb[..., 0].astype(int)
    m = m[..., None] if colour else m
    marked = host.copy()
    part = marked[y : y + 5, x : x + 7]
    part[...] = (m * logo + (255 - m) * part.astype(int) + 127) // 255
    file = f"case{index % 4}/{index}.png"
    return original, marked, make_record(f"id {index}", file, original, host, marked, (x, y, alpha), rendering, name)


def marked_images(count=6):
    return [marked_image(index, colour=index % 2 == 1, delta=index % 3 == 2) for index in range(count)]


def a_key(path, images, issuer=None):
    """Write a key of these images; returns its issuer."""
    issuer = issuer or Issuer.generate()
    write_key(path, [seal_record(record, issuer.recipient) for _, _, record in images], RENDERINGS, issuer)
    return issuer


def append(path, records, renderings, issuer):
    """Add sealed records to a key of one part."""
    with changing(path, issuer) as (database, _):
        insert(database, records, renderings, [issuer.recipient])


def a_folder(folder, images):
    for _, marked, record in images:
        write_png(folder / record.file, marked)
    return folder


def change(path, statement, *values):
    with closing(sqlite3.connect(path)) as database, database:
        assert database.execute(statement, values).rowcount


def flipped(data, generator):
    """The data with one bit changed."""
    changed = bytearray(data)
    changed[generator.integers(len(data))] ^= 1 << int(generator.integers(8))
    return bytes(changed)
