"""The key file: what goes in comes out, for who has the identity; whatever was changed is refused in one line."""

import os
import shutil
import signal
import sqlite3
import stat
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import numpy as np
import pyrage
import pytest

from miad.errors import InputError, KeyMismatchError, MiadError, RunError
from miad.imaging import remove_drafts
from miad.keys import (
    Identity,
    Issuer,
    add_part,
    open_key,
    own_identity,
    read_manifest_of,
    seal_record,
    write_issuer,
    write_key,
)
from miad.keys import key as key_module
from miad.keys.file import read_manifest
from miad.keys.writing import sign

from .samples import RENDERINGS, a_key, append, change, marked_image


def test_every_original_comes_back(path, issuer, images):
    with open_key(path, issuer.identity) as key:
        assert key.encrypted
        for original, marked, record in images:
            restored = key.restore(marked)
            assert restored.dtype == original.dtype
            assert np.array_equal(restored, original)
            assert key.records[record.marked] == record
        assert key.records == {record.marked: record for _, _, record in images}


def test_renderings_come_back(path, issuer):
    key = open_key(path, issuer.identity)
    assert key.renderings.keys() == RENDERINGS.keys()
    for digest, rendering in RENDERINGS.items():
        assert np.array_equal(key.renderings[digest].rgba, rendering.rgba)


def test_threads_share_a_key(path, issuer, images):
    with open_key(path, issuer.identity) as key, ThreadPoolExecutor(4) as pool:
        restored = list(pool.map(key.restore, [marked for _, marked, _ in images] * 20))
    assert all(np.array_equal(pixels, images[i % len(images)][0]) for i, pixels in enumerate(restored))


def test_a_closed_key_is_told_as_such(path, issuer, images):
    with open_key(path, issuer.identity) as key:
        pass
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: expected an open key, found one that was closed; open it"):
        key.restore(images[0][1])


@pytest.mark.parametrize(
    ("table", "column"), [("record", "marked"), ("record", "sha256"), ("rendering", "digest"), ("rendering", "sha256")]
)
def test_a_digest_is_of_its_length_also_where_it_is_signed(path, issuer, table, column):
    change(path, f"UPDATE {table} SET {column} = x'00' WHERE rowid = 1")
    with closing(sqlite3.connect(path)) as database, pytest.raises(ValueError, match="expected a digest"):
        read_manifest(database)
    with pytest.raises(InputError, match=r"\A[^\n]*expected a digest in a column[^\n]*\Z"):
        open_key(path, issuer.identity)


def test_damage_that_is_met_in_a_change_is_one_line(path, issuer, images):
    """Each page in turn is overwritten; what reading does not see, writing may."""
    sound, members = path.read_bytes(), [record.marked for _, _, record in images]
    met = set()
    for start in range(0, len(sound), 1024):
        path.write_bytes(sound[:start] + b"\xff" * 1024 + sound[start + 1024 :])
        try:
            add_part(path, issuer, "ward", members)
        except InputError as error:
            met.add(str(error))
    assert any("malformed" in message and "the key is damaged" in message for message in met)
    assert not any("\n" in message for message in met)


def test_an_empty_key_comes_back(path):
    issuer = a_key(path, [])
    assert dict(open_key(path, issuer.identity).records) == {}


def test_the_identity_beside_the_key_is_found(path, issuer, images):
    with pytest.raises(InputError, match=r"\A.*a\.miadkey is encrypted: expected its identity beside it \(a\.ident"):
        open_key(path)
    write_issuer(own_identity(path), issuer)
    assert len(open_key(path).records) == len(images)
    assert len(open_key(str(path), own_identity(path)).records) == len(images)


def test_one_image_is_decrypted_alone(path, issuer, images, monkeypatch):
    opened = []
    unseal = key_module.unseal

    def counted(blob, openers):
        opened.append(blob)
        return unseal(blob, openers)

    monkeypatch.setattr(key_module, "unseal", counted)
    key = open_key(path, issuer.identity)
    assert opened == []
    assert len(key.records) == len(images)
    assert images[3][2].marked in key.records
    assert opened == []
    key.restore(images[3][1])
    assert len(opened) == 2  # its record and its rendering


def test_nothing_of_an_image_can_be_read_in_the_file(path, issuer, images):
    """Neither its id and name nor what undoing needs, in the file as bytes; digests of marked pixels are open."""
    data = path.read_bytes()
    for _, _, record in images:
        for secret in (record.image.encode(), record.file.encode(), record.original.encode(), record.delta):
            assert not secret or secret not in data
        assert bytes.fromhex(record.original) not in data
        assert bytes.fromhex(record.marked) in data
    assert all(rendering.rgba.tobytes() not in data for rendering in RENDERINGS.values())
    assert issuer.identity.reveal().encode() not in data


def test_age_itself_opens_a_record(path, issuer, images):
    record = images[0][2]
    with closing(sqlite3.connect(path)) as database:
        (blob,) = database.execute(
            "SELECT blob FROM record WHERE marked = ?", (bytes.fromhex(record.marked),)
        ).fetchone()
    stock = pyrage.x25519.Identity.from_str(issuer.identity.reveal())
    assert pyrage.decrypt(blob, [stock]) == record.to_bytes()


def test_another_identity_is_told(path, issuer):
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: this identity does not open the key; .*\Z"):
        open_key(path, Identity.generate())


def test_pixels_of_another_image_are_told(path, issuer, images):
    changed = images[0][1].copy()
    changed[0, 0] ^= 1
    with pytest.raises(KeyMismatchError, match=r"\Athese pixels are those of no image of this key; .*\Z"):
        open_key(path, issuer.identity).restore(changed)


def test_nothing_is_left_beside_the_key(path, issuer):
    open_key(path, issuer.identity)
    assert list(path.parent.iterdir()) == [path]


def test_a_key_is_shown_without_its_secrets(path, issuer):
    key = open_key(path, issuer.identity)
    assert repr(key) == f"<Key {path}: 6 images>"
    assert issuer.identity.reveal() not in f"{key.__dict__}{vars(issuer)}{issuer}"


def test_adding_that_fails_half_way_changes_nothing(path, issuer, images):
    def records():
        yield seal_record(marked_image(7)[2], issuer.recipient)
        raise RuntimeError("the machine goes down")

    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="goes down"):
        append(path, records(), RENDERINGS, issuer)
    assert path.read_bytes() == before
    assert len(open_key(path, issuer.identity).records) == len(images)


def test_only_the_issuer_adds(path, issuer):
    before = path.read_bytes()
    other = Issuer.generate()
    for wrong in (other, Issuer(issuer.recipient, other.signer), Issuer(other.recipient, issuer.signer)):
        with pytest.raises(InputError, match=r"\A.*a\.miadkey: expected the identity of this key's issuer"):
            append(path, [], {}, wrong)
    assert path.read_bytes() == before


APPEND = """
import sys
from pathlib import Path
from miad.keys import read_issuer
from miad.keys.writing import SealedRecord
from tests.keys.samples import append
import secrets
def records():
    for index in range(4000):
        yield SealedRecord(secrets.token_hex(32), secrets.token_bytes(3000))
        if index == 3000:
            print("going", flush=True)
append(Path(sys.argv[1]), records(), {}, read_issuer(sys.argv[2]))
"""


def test_adding_that_is_killed_changes_nothing(path, issuer, images, tmp_path):
    write_issuer(tmp_path / "identity", issuer)
    before = path.read_bytes()
    words = [sys.executable, "-c", APPEND, str(path), str(tmp_path / "identity")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "going\n"
        time.sleep(0.002)
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    remove_drafts(tmp_path)
    assert {file.name for file in tmp_path.iterdir()} == {"a.miadkey", "identity"}


def crafted_journal(path, victim):
    """A rollback journal of no pages that names a super-journal, which sqlite deletes when it rolls back.

    Source: https://www.sqlite.org/fileformat2.html and the end of a journal as sqlite's pager writes it.
    """
    name = str(victim).encode()
    header = bytes.fromhex("d9d505f920a163d7") + struct.pack(">5I", 0, 1, path.stat().st_size // 1024, 512, 1024)
    end = name + struct.pack(">2I", len(name), sum(name)) + bytes.fromhex("d9d505f920a163d7")
    return header.ljust(512, b"\0") + struct.pack(">I", (1 << 30) // 1024 + 1) + end


def test_the_crafted_journal_would_make_sqlite_delete_a_file(path, issuer, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"results")  # not empty: sqlite takes an empty file for none
    path.with_name("a.miadkey-journal").write_bytes(crafted_journal(path, victim))
    with closing(sqlite3.connect(path)) as database:
        database.execute("SELECT count(*) FROM meta").fetchone()
    assert not victim.exists()


def test_a_journal_beside_a_key_is_neither_rolled_back_nor_followed(path, issuer, images, tmp_path):
    victim = tmp_path / "victim"
    victim.write_bytes(b"results")  # not empty: sqlite takes an empty file for none
    left = path.with_name("a.miadkey-journal")
    left.write_bytes(crafted_journal(path, victim))
    before = left.read_bytes()
    assert len(open_key(path, issuer.identity).records) == len(images)
    add_part(path, issuer, "ward", [images[0][2].marked])
    assert open_key(path, issuer.identity).restore(images[0][1]).tobytes() == images[0][0].tobytes()
    assert victim.exists()
    assert left.read_bytes() == before


def test_a_key_that_asks_for_a_log_beside_it_gets_none(path, issuer, images):
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA journal_mode = WAL").fetchone() == ("wal",)
    key = open_key(path, issuer.identity)
    assert np.array_equal(key.restore(images[0][1]), images[0][0])
    assert list(path.parent.iterdir()) == [path]
    add_part(path, issuer, "ward", [images[0][2].marked])
    assert list(path.parent.iterdir()) == [path]
    assert np.array_equal(open_key(path, issuer.identity).restore(images[0][1]), images[0][0])


def test_two_changes_at_once_do_not_undo_each_other(path, issuer, images):
    def records():
        add_part(path, issuer, "ward", [images[0][2].marked])
        yield seal_record(images[0][2], issuer.recipient)

    with pytest.raises(RunError, match=r"\A.*a\.miadkey: another process has changed the key meanwhile; start again\Z"):
        append(path, records(), {}, issuer)
    assert "ward" in read_manifest_of(path).parts
    assert list(path.parent.iterdir()) == [path]


def test_a_change_keeps_the_key_s_mode_and_a_link_to_it(path, issuer, images, tmp_path):
    path.chmod(0o640)
    link = tmp_path / "link.miadkey"
    link.symlink_to(path)
    add_part(link, issuer, "ward", [images[0][2].marked])
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert "ward" in read_manifest_of(path).parts


def test_a_later_version_asks_for_an_update_and_is_not_called_damaged(path, issuer):
    change(path, "UPDATE meta SET value = '5' WHERE name = 'version'")
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: expected a key of version 4, found 5; update miad\Z"):
        open_key(path, issuer.identity)


def test_a_key_of_the_version_before_is_read_and_keeps_its_version(path, issuer, images):
    with sqlite3.connect(path) as database:
        database.execute("UPDATE meta SET value = '3' WHERE name = 'version'")
        sign(database, issuer)
    database.close()
    with open_key(path, issuer.identity) as key:
        assert len(key.records) == len(images)


def test_a_key_does_not_pass_for_one_of_an_early_version(path, issuer, images):
    change(path, "UPDATE meta SET value = '2' WHERE name = 'version'")
    for given in (None, issuer.identity):
        with pytest.raises(InputError, match=r"\A.*a\.miadkey: .*\Z"):
            open_key(path, given)


FORGERIES = {
    "a record less": "DELETE FROM record WHERE rowid = 2",
    "a rendering less": "DELETE FROM rendering WHERE rowid = 2",
    "a record's digest": "UPDATE record SET marked = x'00' WHERE rowid = 1",
    "a record's sha256": "UPDATE record SET sha256 = x'00' WHERE rowid = 1",
    "text for a digest": "UPDATE record SET marked = 'text' WHERE rowid = 1",
    "a new part": "INSERT INTO part VALUES ('b', 'age1', x'')",
    "a new recipient": "UPDATE part SET recipient = 'age1'",
    "no whole": "DELETE FROM part",
    "a new member": "INSERT INTO member SELECT 'all', marked FROM record",
    "a member of no part": "INSERT INTO member SELECT 'b', marked FROM record",
    "another issuer": "UPDATE meta SET value = '00' WHERE name = 'issuer'",
    "no issuer": "DELETE FROM meta WHERE name = 'issuer'",
    "no signature": "UPDATE meta SET value = '' WHERE name = 'signature'",
    "no signature's row": "DELETE FROM meta WHERE name = 'signature'",
    "nothing in meta": "DELETE FROM meta",
    "a number for a signature": "UPDATE meta SET value = 5 WHERE name = 'signature'",
    "swapped digests": "UPDATE record SET sha256 = other.sha256 FROM record AS other "
    "WHERE other.rowid = 3 - record.rowid",
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_what_the_issuer_did_not_sign_is_refused_in_one_line(path, issuer, kind):
    change(path, FORGERIES[kind])
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: .*(damaged|changed by others).*\Z"):
        open_key(path, issuer.identity)


def test_a_key_that_was_signed_again_by_another_is_not_the_key_of_a_grant_or_an_identity(path, issuer, images):
    """Its records could be forged, since everybody may seal to a recipient."""
    forger = Issuer(issuer.recipient, Issuer.generate().signer)
    a_key(path, images[:2], forger)
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: .*signed by another.*\Z"):
        open_key(path, issuer.keyring())


@pytest.mark.parametrize("statement", ["CREATE TABLE more (x)", "CREATE VIEW v AS SELECT 1", "DROP TABLE member"])
def test_other_tables_are_refused(path, issuer, statement):
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: expected a key of miad, .*\Z"):
        open_key(path, issuer.identity)


def test_a_changed_record_is_told_and_the_others_open(path, issuer, images):
    lost = images[1][2].marked
    change(path, "UPDATE record SET blob = x'00' WHERE marked = ?", bytes.fromhex(lost))
    key = open_key(path, issuer.identity)
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: a part of the key is damaged; .*\Z"):
        key.restore(images[1][1])
    assert np.array_equal(key.restore(images[2][1]), images[2][0])


def test_swapped_records_are_told(path, issuer, images):
    """Even the issuer's signature does not make one image's record another's."""
    first, second = images[0][2], images[2][2]
    one, two = (seal_record(record, issuer.recipient) for record in (first, second))
    swapped = [type(one)(one.marked, two.blob), type(one)(two.marked, one.blob)]
    write_key(path, swapped, RENDERINGS, issuer)
    key = open_key(path, issuer.identity)
    for _, marked, _ in (images[0], images[2]):
        with pytest.raises(InputError, match=r"\A.*a\.miadkey: the key is damaged: a record stands where another"):
            key.restore(marked)


def test_a_record_that_was_sealed_to_others_is_told(path, issuer, images):
    write_key(path, [seal_record(images[0][2], Identity.generate().recipient)], RENDERINGS, issuer)
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: the key is damaged: what was sealed does not open; .*\Z"):
        open_key(path, issuer.identity).restore(images[0][1])


def test_a_missing_rendering_is_told(path, issuer, images):
    write_key(path, [seal_record(images[0][2], issuer.recipient)], {}, issuer)
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: the key is damaged: a rendering of the logo is missing\Z"):
        open_key(path, issuer.identity).restore(images[0][1])


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.6, 0.99])
def test_a_key_cut_short_is_refused_in_one_line(path, issuer, images, share):
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(MiadError, match=r"\A.*a\.miadkey: .*\Z"):
        [open_key(path, issuer.identity).restore(marked) for _, marked, _ in images]


def another_database(path):
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE meta (name TEXT, value TEXT)")


NO_KEYS = {
    "text": lambda path: path.write_text("secret"),
    "empty": lambda path: path.touch(),
    "database": another_database,
    "folder": lambda path: path.mkdir(),
    "missing": lambda path: None,
}


@pytest.mark.parametrize("kind", NO_KEYS)
def test_what_is_no_key_is_refused_in_one_line(path, kind):
    NO_KEYS[kind](path)
    for given in (None, Identity.generate()):
        with pytest.raises(InputError, match=r"\A.*a\.miadkey: .*key.*\Z"):
            open_key(path, given)


def test_a_draft_has_no_journal_that_a_kill_would_leave(path, images):
    issuer = Issuer.generate()

    def records():
        for _, _, record in images:
            yield seal_record(record, issuer.recipient)
            names.append(sorted(file.name for file in path.parent.iterdir()))

    names = []
    write_key(path, records(), RENDERINGS, issuer)
    assert len(names) == len(images)
    assert all(len(found) == 1 and found[0].endswith(".draft") for found in names)


def test_a_failed_writing_leaves_the_former_key(path, issuer, images):
    def records():
        yield seal_record(images[0][2], issuer.recipient)
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    with pytest.raises(RunError, match=r"\A.*a\.miadkey: can not be written \(No space left on device\); .*\Z"):
        write_key(path, records(), RENDERINGS, issuer)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_opens_and_can_not_be_changed(path, issuer, images):
    path.parent.chmod(0o500)
    try:
        read_only_opens(path, issuer, images)
    finally:
        path.parent.chmod(0o700)


def test_what_the_system_calls_read_only_opens_and_can_not_be_changed(path, issuer, images, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    read_only_opens(path, issuer, images)


def read_only_opens(path, issuer, images):
    before = path.read_bytes()
    assert len(open_key(path, issuer.identity).records) == len(images)
    with pytest.raises(RunError, match=r"\A.*a\.miadkey: can not be written \(read-only\); copy the key .*\Z"):
        append(path, [], {}, issuer)
    assert path.read_bytes() == before


def test_a_copy_opens(path, issuer, images, tmp_path):
    other = shutil.copy(path, tmp_path / "b.miadkey")
    assert np.array_equal(open_key(other, issuer.identity).restore(images[0][1]), images[0][0])
