"""Whatever is in the files, the readers end with what they promise, or with one line; never with another error."""

import json
import shutil
import sqlite3
from contextlib import closing

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from miad.errors import InputError, MiadError
from miad.keys import Grant, Identity, Issuer, Record, User, make_grant, open_key, read_keyring, read_users, unpack
from miad.keys.file import VERSION, read_manifest
from miad.keys.rendering import pack_rendering, unpack_rendering
from miad.keys.sealing import seal, unseal
from miad.keys.signature import signer_from_pem

from .samples import a_rendering, marked_image
from .test_identities import ssh_pair

SLOWLY = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
IDENTITY = Identity.generate()
ISSUER = Issuer.generate()
GRANT = make_grant(ISSUER, {"all": ISSUER.identity}, [User("alice", IDENTITY.recipient)]).to_bytes()
RECORD = marked_image(0)[2].to_bytes()
SSH = ssh_pair("ed25519")[0]
RENDERING = a_rendering(0)


def edits(data):
    """The data with a stretch replaced."""
    return st.builds(
        lambda start, length, new: data[:start] + new + data[start + length :],
        st.integers(0, len(data)),
        st.integers(0, 40),
        st.binary(max_size=40),
    )


def check(read, *arguments):
    """It returns something, or raises one line of a kind that users see."""
    try:
        return read(*arguments)
    except MiadError as error:
        said = str(error)
    assert "\n" not in said
    return None


@SLOWLY
@given(st.one_of(st.binary(max_size=300), edits(RECORD)))
def test_records(data):
    record = check(Record.from_bytes, data)
    assert record is None or Record.from_bytes(record.to_bytes()) == record


@SLOWLY
@given(st.one_of(st.binary(max_size=300), edits(GRANT)))
def test_grants(data):
    grant = check(Grant.from_bytes, data)
    assert grant is None or grant.to_bytes() == data.replace(b"\r\n", b"\n")
    assert grant is None or grant.issuer != ISSUER.public or data.replace(b"\r\n", b"\n") == GRANT


@SLOWLY
@given(
    st.dictionaries(
        st.sampled_from(["key", "issuer", "parts", "users", "issued", "expires", "owner", "images"]),
        st.one_of(
            st.none(),
            st.integers(),
            st.text(max_size=5),
            st.lists(st.text(max_size=3), max_size=2),
            st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
        ),
    )
)
def test_grants_that_were_signed_by_a_madman(fields):
    """The header is any JSON, and the signature is sound."""
    sound = json.loads(GRANT.split(b"\n")[1])
    head = b"miad grant 1\n" + json.dumps(sound | fields, sort_keys=True).encode() + b"\n"
    body = GRANT.split(b"\n", 3)[3]
    grant = check(Grant.from_bytes, head + ISSUER.sign(head + body).encode() + b"\n" + body)
    if grant is not None:
        check(grant.check_date)
        check(grant.open, IDENTITY)
        assert isinstance(grant.for_whom, str)


@SLOWLY
@given(st.one_of(st.binary(max_size=300), edits(SSH), edits(IDENTITY.reveal().encode()), edits(ISSUER.pem().encode())))
def test_identity_files(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "fuzz.key"
    path.write_bytes(data)
    keyring = check(read_keyring, path)
    check(read_users, str(path))
    if keyring is not None and keyring.openers:
        check(unseal, seal(b"text", [IDENTITY.recipient]), keyring.openers)


@SLOWLY
@given(st.one_of(st.text(max_size=300), edits(ISSUER.pem().encode()).map(lambda data: data.decode("latin1"))))
def test_signing_keys(text):
    check(signer_from_pem, text)


@SLOWLY
@given(st.one_of(st.binary(max_size=200), edits(seal(b"text", [IDENTITY.recipient]))))
def test_sealed_data(data):
    assert check(unseal, data, [IDENTITY.opener]) in (None, b"text")


@SLOWLY
@given(st.one_of(st.binary(max_size=200), edits(pack_rendering(RENDERING))))
def test_renderings(data):
    check(unpack_rendering, data)


@SLOWLY
@given(st.binary(max_size=80), st.lists(st.integers(1, 256), max_size=40))
def test_remainders(data, counts):
    counts = np.array(counts, dtype=np.int64)
    try:
        places = unpack(data, counts)
    except InputError:
        return
    assert ((places >= 0) & (places < counts)).all()


VALUES = st.one_of(st.none(), st.integers(), st.floats(allow_nan=False), st.text(max_size=9), st.binary(max_size=40))
COLUMNS = {
    "meta": ("name", "value"),
    "part": ("name", "recipient", "identity"),
    "member": ("part", "marked"),
    "rendering": ("digest", "sha256", "blob"),
    "record": ("marked", "sha256", "blob"),
}


@SLOWLY
@given(st.data())
def test_keys_whose_tables_hold_anything(tmp_path_factory, path, issuer, images, data):
    """Any value in any column, with and without a sound signature."""
    changed = shutil.copy(path, tmp_path_factory.mktemp("fuzz") / "a.miadkey")
    table = data.draw(st.sampled_from(sorted(COLUMNS)))
    column, value = data.draw(st.sampled_from(COLUMNS[table])), data.draw(VALUES)
    with closing(sqlite3.connect(changed)) as database, database:
        try:
            database.execute(f"UPDATE OR REPLACE {table} SET {column} = ?", (value,))
        except (sqlite3.Error, OverflowError):
            assume(False)
        try:
            signature = issuer.sign(read_manifest(database).to_sign(VERSION))
        except (ValueError, TypeError, sqlite3.Error, OverflowError):
            signature = ""
        if data.draw(st.booleans()) and signature:
            database.execute("UPDATE meta SET value = ? WHERE name = 'signature'", (signature,))
    key = check(open_key, changed, issuer.identity)
    for original, marked, _ in images if key is not None else ():
        restored = check(key.restore, marked)
        assert restored is None or np.array_equal(restored, original)
    if key is not None:
        key.close()
