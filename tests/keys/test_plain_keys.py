"""Keys of versions 1 and 2, which were not encrypted, are still read; what is damaged is refused in one line."""

import json
import sqlite3
import zlib
from contextlib import closing

import numpy as np
import pytest

from miad.errors import InputError, MiadError
from miad.imaging import write_png
from miad.keys import (
    Identity,
    Issuer,
    Record,
    make_record,
    open_key,
    own_identity,
    recover_folder,
    rendering_digest,
    write_issuer,
)

from .samples import RENDERINGS, a_rendering, change

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE rendering (digest TEXT PRIMARY KEY, height INTEGER NOT NULL, width INTEGER NOT NULL, rgba BLOB NOT NULL)
    WITHOUT ROWID;
CREATE TABLE record (marked TEXT PRIMARY KEY, blob BLOB NOT NULL) WITHOUT ROWID;
"""


def write_plain(path, records, renderings, version=2):
    """As miad wrote keys before it encrypted them."""
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(SCHEMA)
        database.execute("INSERT INTO meta VALUES ('version', ?)", (str(version),))
        rows = [(d, *r.rgba.shape[:2], zlib.compress(r.rgba.tobytes(), 9)) for d, r in renderings.items()]
        database.executemany("INSERT INTO rendering VALUES (?, ?, ?, ?)", rows)
        blobs = [(record.marked, as_before(record, version)) for record in records]
        database.executemany("INSERT INTO record VALUES (?, ?)", blobs)


def as_before(record, version):
    """A record's bytes without what it had not yet."""
    line, _, rest = record.to_bytes().partition(b"\n")
    fields = json.loads(line)
    del fields["dtype"], fields["shape"]
    if version == 1:
        assert fields.pop("delta") == 0
    return json.dumps(fields).encode() + b"\n" + rest


RECORDS = [
    Record(
        f"id {index}", f"{index}.png", index, 2 * index, 100 + index, digest, "o" * 64, f"{index:064x}", bytes(range(9))
    )
    for index, digest in enumerate(RENDERINGS)
] + [Record('ö "quoted"\nname', "ö/ü.png", 0, 0, 255, next(iter(RENDERINGS)), "p" * 64, "f" * 64, b"\n\x00\n")]


@pytest.fixture
def path(tmp_path):
    write_plain(tmp_path / "a.miadkey", RECORDS, RENDERINGS)
    return tmp_path / "a.miadkey"


def test_records_and_renderings_come_back(path):
    key = open_key(path)
    assert key.records == {record.marked: record for record in RECORDS}
    assert key.renderings.keys() == RENDERINGS.keys()
    for digest, rendering in RENDERINGS.items():
        assert np.array_equal(key.renderings[digest].rgb, rendering.rgb)
        assert np.array_equal(key.renderings[digest].coverage, rendering.coverage)


def test_an_empty_key_comes_back(tmp_path):
    write_plain(tmp_path / "a.miadkey", [], {})
    key = open_key(tmp_path / "a.miadkey")
    assert (key.records, key.renderings) == ({}, {})


def test_nothing_is_left_beside_the_key(path):
    open_key(path)
    assert list(path.parent.iterdir()) == [path]


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
        open_key(path)


@pytest.mark.parametrize("version", [1, 2])
def test_an_early_key_restores_and_says_that_it_is_not_encrypted(tmp_path, version):
    record, renderings = a_marked_folder(tmp_path)
    write_plain(tmp_path / "a.miadkey", [record], renderings, version)
    key = open_key(tmp_path / "a.miadkey")
    assert not key.encrypted
    assert [result.problem for result in recover_folder(key, tmp_path / "marked", tmp_path / "out")] == [""]


@pytest.mark.parametrize("given", ["identity", "grant"])
def test_an_unencrypted_key_does_not_pass_for_the_one_that_an_identity_or_a_grant_is_for(path, given):
    """Else whoever writes an unsigned key in place of a signed one decides what is restored."""
    given = {"identity": Identity.generate()} if given == "identity" else {"grant": path}
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: expected an encrypted key .* found an early one, .*\Z"):
        open_key(path, **given)


def test_an_early_key_in_the_place_of_an_encrypted_one_is_refused(path):
    """Else a stranger's unsigned file would pass for the issuer's key, whose identity lies there."""
    write_issuer(own_identity(path), Issuer.generate())
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: expected an encrypted key .* found an early one, .*\Z"):
        open_key(path)


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
        open_key(path)


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.6, 0.99])
def test_a_key_cut_short_is_refused_in_one_line(path, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: .*\Z"):
        open_key(path)


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
    fields["shape"] = ()
    damaged = Record(**fields, remainder=record.remainder)
    write_plain(tmp_path / "a.miadkey", [damaged], renderings)
    return list(recover_folder(open_key(tmp_path / "a.miadkey"), tmp_path / "marked", tmp_path / "out"))


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


def test_many_renderings_do_not_fill_the_memory_either(path, monkeypatch):
    largest = max(rendering.rgba.size for rendering in RENDERINGS.values())
    monkeypatch.setattr("miad.keys.rendering.LARGEST", largest)
    monkeypatch.setattr("miad.keys.plain.LARGEST", largest)
    with pytest.raises(InputError, match=r"\A[^\n]*renderings of an impossible size[^\n]*\Z"):
        open_key(path)
    monkeypatch.setattr("miad.keys.plain.LARGEST", sum(rendering.rgba.size for rendering in RENDERINGS.values()))
    assert open_key(path).renderings.keys() == RENDERINGS.keys()
