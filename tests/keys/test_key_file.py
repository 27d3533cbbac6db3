"""The key file: what goes in comes out, byte for byte the same each time; what is damaged is refused in one line."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from miad.errors import InputError, MiadError
from miad.imaging import write_png
from miad.keys import Record, make_record, read_key, recover_folder, rendering_digest, write_key
from miad.watermark import Rendering


def a_rendering(seed, height=5, width=7):
    generator = np.random.default_rng(seed)
    rgb, coverage = generator.integers(0, 256, (height, width, 3)), generator.integers(0, 2, (height, width)) * 255
    return Rendering(rgb.astype(np.uint8), coverage.astype(np.uint8))


RENDERINGS = {rendering_digest(rendering): rendering for rendering in map(a_rendering, range(3))}
RECORDS = [
    Record(
        f"id {index}", f"{index}.png", index, 2 * index, 100 + index, digest, "o" * 64, f"{index:064x}", bytes(range(9))
    )
    for index, digest in enumerate(RENDERINGS)
] + [Record('ö "quoted"\nname', "ö/ü.png", 0, 0, 255, next(iter(RENDERINGS)), "p" * 64, "f" * 64, b"\n\x00\n")]


@pytest.fixture
def path(tmp_path):
    write_key(tmp_path / "a.miadkey", RECORDS, RENDERINGS)
    return tmp_path / "a.miadkey"


def change(path, statement, *values):
    with closing(sqlite3.connect(path)) as database, database:
        assert database.execute(statement, values).rowcount


def test_records_and_renderings_come_back(path):
    key = read_key(path)
    assert key.records == {record.marked: record for record in RECORDS}
    assert key.renderings.keys() == RENDERINGS.keys()
    for digest, rendering in RENDERINGS.items():
        assert np.array_equal(key.renderings[digest].rgb, rendering.rgb)
        assert np.array_equal(key.renderings[digest].coverage, rendering.coverage)


def test_an_empty_key_comes_back(tmp_path):
    write_key(tmp_path / "a.miadkey", [], {})
    key = read_key(tmp_path / "a.miadkey")
    assert (key.records, key.renderings) == ({}, {})


def test_the_same_records_in_any_order_give_the_same_bytes(path, tmp_path):
    write_key(tmp_path / "b.miadkey", reversed(RECORDS), dict(reversed(RENDERINGS.items())))
    assert (tmp_path / "b.miadkey").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("field", ["x", "image", "remainder"])
def test_other_records_give_other_bytes(path, tmp_path, field):
    other = {"x": 77, "image": "other", "remainder": b"?"}[field]
    write_key(tmp_path / "b.miadkey", [replace(RECORDS[0], **{field: other}), *RECORDS[1:]], RENDERINGS)
    assert (tmp_path / "b.miadkey").read_bytes() != path.read_bytes()


def test_nothing_is_left_beside_the_key(path):
    read_key(path)
    assert list(path.parent.iterdir()) == [path]


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


@pytest.mark.parametrize("record", RECORDS)
def test_a_record_s_bytes_come_back(record):
    assert Record.from_bytes(record.to_bytes()) == record


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"{}\n",
        lambda data: data[1:],
        lambda data: data[:20],
        lambda data: b"[1, 2]\n",
        lambda data: b"\xff\xfe\n" + data,
        lambda data: data.replace(b'"x"', b'"z"'),
    ],
)
def test_a_damaged_record_is_refused_in_one_line(path, damage):
    data = RECORDS[0].to_bytes()
    with pytest.raises(InputError):
        Record.from_bytes(damage(data))
    change(path, "UPDATE record SET blob = ? WHERE marked = ?", damage(data), RECORDS[0].marked)
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: .*damaged.*\Z"):
        read_key(path)


def test_a_later_version_asks_for_an_update_and_is_not_called_damaged(path):
    change(path, "UPDATE meta SET value = '3' WHERE name = 'version'")
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: expected a key of version 2, found 3; update miad\Z") as e:
        read_key(path)
    assert "damaged" not in str(e.value)


def test_a_key_of_version_1_is_read(tmp_path):
    """Its records are the same but for the delta, which they have not."""
    record, renderings = a_marked_folder(tmp_path)
    write_key(tmp_path / "a.miadkey", [record], renderings)
    line, _, rest = record.to_bytes().partition(b"\n")
    fields = json.loads(line)
    assert fields.pop("delta") == 0
    with closing(sqlite3.connect(tmp_path / "a.miadkey")) as database, database:
        database.execute("UPDATE meta SET value = '1' WHERE name = 'version'")
        database.execute("UPDATE record SET blob = ?", (json.dumps(fields).encode() + b"\n" + rest,))
    found = recover_folder(read_key(tmp_path / "a.miadkey"), tmp_path / "marked", tmp_path / "out")
    assert [result.problem for result in found] == [""]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM meta",
        "UPDATE rendering SET rgba = x'00'",
        "UPDATE rendering SET rgba = substr(rgba, 1, 20)",
        "UPDATE rendering SET width = width + 1",
        "UPDATE rendering SET rgba = 'text'",
        "UPDATE rendering SET height = 'tall'",
        "UPDATE record SET blob = 'text'",
    ],
)
def test_damaged_tables_are_refused_in_one_line(path, statement):
    change(path, statement)
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: .*\Z"):
        read_key(path)


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.6, 0.99])
def test_a_key_cut_short_is_refused_in_one_line(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: .*\Z"):
        read_key(path)


def a_marked_folder(folder):
    """An image whose mark is opaque where the rendering covers it, and its record."""
    rendering = a_rendering(0)
    original = np.random.default_rng(1).integers(0, 256, (20, 20)).astype(np.uint8)
    marked = original.copy()
    region = marked[3:8, 2:9]
    region[rendering.coverage == 255] = rendering.rgb[..., 0][rendering.coverage == 255]
    write_png(folder / "marked" / "1.png", marked)
    name = rendering_digest(rendering)
    return make_record("1", "1.png", original, original, marked, (2, 3, 255), rendering, name), {name: rendering}


def recovered(tmp_path, **changes):
    record, renderings = a_marked_folder(tmp_path)
    fields = {**json.loads(record.to_bytes().partition(b"\n")[0]), **changes}
    fields["delta"] = record.delta
    damaged = Record(**fields, remainder=record.remainder)
    write_key(tmp_path / "a.miadkey", [damaged], renderings)
    return list(recover_folder(read_key(tmp_path / "a.miadkey"), tmp_path / "marked", tmp_path / "out"))


def test_an_unchanged_record_restores(tmp_path):
    assert [result.problem for result in recovered(tmp_path)] == [""]


@pytest.mark.parametrize(
    "changes",
    [
        {"x": 3},
        {"y": 200},
        {"x": -1},
        {"x": "2"},
        {"alpha": 0},
        {"alpha": 1000},
        {"alpha": 90},
        {"rendering": "0" * 64},
        {"original": "0" * 64},
    ],
    ids=str,
)
def test_a_record_that_does_not_fit_its_image_writes_nothing_and_is_told(tmp_path, changes):
    try:
        problems = [result.problem for result in recovered(tmp_path, **changes)]
    except MiadError as error:
        problems = [str(error)]
    assert len(problems) == 1
    assert problems[0]
    assert "\n" not in problems[0]
    assert not (tmp_path / "out").exists()
