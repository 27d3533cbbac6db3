"""Grants: opened by those they are for, and by nobody else; openly told what they are for, and not to be changed."""

import os
import sqlite3
import subprocess
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pyrage
import pytest

from miad.errors import InputError
from miad.keys import (
    WHOLE,
    Grant,
    Identity,
    Issuer,
    User,
    add_part,
    identity_of,
    make_grant,
    open_issuer,
    open_key,
    read_grant,
    read_users,
    write_grant,
    write_identity,
)
from miad.keys.file import read_manifest
from miad.keys.sealing import seal
from miad.keys.writing import changing

from .samples import a_key
from .test_identities import ssh_pair

TODAY = datetime.now(UTC).date()


@pytest.fixture
def alice():
    return Identity.generate()


@pytest.fixture
def grant_path(tmp_path):
    return tmp_path / "a.miadgrant"


@pytest.fixture
def granted(issuer, alice, grant_path):
    """A function that writes a grant of the whole to Alice."""

    def write(users=None, **options):
        users = [User("alice", alice.recipient)] if users is None else users
        grant_path.unlink(missing_ok=True)
        write_grant(grant_path, make_grant(issuer, {WHOLE: issuer.identity}, users, **options))
        return grant_path

    return write


def test_a_grant_opens_the_key_for_its_user(path, images, granted, alice):
    key = open_key(path, alice, granted())
    for original, marked, _ in images:
        assert np.array_equal(key.restore(marked), original)


def test_nobody_else_opens_it(path, granted):
    with pytest.raises(InputError, match=r"\A.*a\.miadgrant: this identity does not open the grant; it is for alice\Z"):
        open_key(path, Identity.generate(), granted())
    with pytest.raises(InputError, match=r"\A.*a\.miadgrant: expected identity, the private key of alice"):
        open_key(path, None, granted())


def test_a_user_s_identity_does_not_open_the_key_without_the_grant(path, issuer, alice):
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: this identity does not open the key; .*the grant"):
        open_key(path, alice)


def test_one_grant_for_several_users_of_all_kinds(tmp_path, path, granted, alice, images):
    (tmp_path / "bob").write_bytes(ssh_pair("ed25519")[0])
    people, sources = [User("alice", alice.recipient)], [alice]
    for kind in ("ed25519", "rsa"):
        private, public = ssh_pair(kind)
        (tmp_path / kind).write_bytes(private)
        people += read_users(f"{public} {kind}@ward")
        sources.append(tmp_path / kind)
    grant = granted(people)
    for source in sources:
        assert np.array_equal(open_key(path, source, grant).restore(images[0][1]), images[0][0])
    with pytest.raises(InputError, match="it is for alice, ed25519@ward, rsa@ward"):
        open_key(path, tmp_path / "bob", grant)


def test_a_key_of_ssh_keygen_opens_a_grant(tmp_path, path, granted, images):
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "jane@ward", "-f", str(tmp_path / "id")]
    try:
        subprocess.run(words, check=True)
    except FileNotFoundError:
        pytest.skip("needs ssh-keygen")
    grant = granted(read_users(str(tmp_path / "id.pub")))
    assert np.array_equal(open_key(path, tmp_path / "id", grant).restore(images[0][1]), images[0][0])


def test_age_itself_opens_a_grant_with_an_identity_that_age_made(path, granted, issuer):
    """What stands after the first three lines is an armored age file."""
    stock = pyrage.x25519.Identity.generate()
    grant = granted([User("stock", str(stock.to_public()))])
    armored = grant.read_bytes().split(b"\n", 3)[3]
    assert armored.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----\n")
    assert issuer.identity.reveal().encode() in pyrage.decrypt(armored, [stock])


def test_a_passphrase_opens_a_grant(path, granted, images):
    grant = granted([], passphrase="open sesame")
    assert np.array_equal(open_key(path, None, grant, "open sesame").restore(images[0][1]), images[0][0])
    with pytest.raises(InputError, match=r"\A.*a\.miadgrant: the passphrase is wrong, or the file is damaged\Z") as e:
        open_key(path, None, grant, "close sesame")
    assert "sesame" not in str(e.value)
    for missing in (None, ""):
        with pytest.raises(InputError, match=r"\A.*a\.miadgrant: expected a passphrase"):
            open_key(path, None, grant, missing)
    asked = []
    open_key(path, None, grant, lambda name: asked.append(name) or "open sesame")
    assert asked == [str(grant)]


def test_users_and_a_passphrase_do_not_mix(issuer, alice):
    for users, passphrase in (([], None), ([], ""), ([User("a", alice.recipient)], "x")):
        with pytest.raises(InputError, match="expected users or a passphrase"):
            make_grant(issuer, {WHOLE: issuer.identity}, users, passphrase)


@pytest.mark.parametrize(("day", "opens"), [(-1, True), (0, True), (7, True), (8, False), (4000, False)])
def test_a_grant_opens_until_its_last_day_is_over(path, granted, alice, day, opens):
    grant = granted(expires=TODAY + timedelta(days=7))
    if opens:
        assert open_key(path, alice, grant, today=TODAY + timedelta(days=day)).parts == (WHOLE,)
    else:
        with pytest.raises(
            InputError, match=rf"\A.*a\.miadgrant: the grant expired on {TODAY + timedelta(days=7)}; ask"
        ):
            open_key(path, alice, grant, today=TODAY + timedelta(days=day))


def test_a_grant_of_the_past_is_refused(issuer, alice):
    with pytest.raises(InputError, match=r"\Aexpected a last day that is not over, found 2020-01-01\Z"):
        make_grant(issuer, {WHOLE: issuer.identity}, [User("a", alice.recipient)], expires=date(2020, 1, 1))


def test_a_grant_of_another_key_is_named_as_such(path, issuer, alice, images, granted, tmp_path):
    other = a_key(tmp_path / "b.miadkey", images)
    grant = granted()
    with pytest.raises(InputError, match=r"\A.*a\.miadgrant: the grant belongs to another key than .*b\.miadkey; .*\Z"):
        open_key(tmp_path / "b.miadkey", alice, grant)
    assert other.recipient != issuer.recipient


def test_a_grant_does_not_open_a_forged_key(path, issuer, alice, images, granted):
    """Everybody can seal records to a key's recipient, but not sign them as its issuer."""
    grant = granted()
    a_key(path, images, Issuer(issuer.recipient, Issuer.generate().signer))
    with pytest.raises(InputError, match=r"\A.*a\.miadgrant: the grant and .*a\.miadkey were signed by different"):
        open_key(path, alice, grant)


def test_a_grant_tells_openly_what_it_is_for_and_nothing_secret(issuer, alice, granted):
    grant = granted(images=6, expires=TODAY)
    closed = read_grant(grant)
    assert (closed.key, closed.issuer, closed.parts) == (issuer.recipient, issuer.public, {WHOLE: issuer.recipient})
    assert (closed.images, closed.users, closed.expires) == (6, (User("alice", alice.recipient),), TODAY)
    assert (closed.issued, closed.owner) == (TODAY, False)
    secrets = (issuer.identity.reveal(), issuer.pem().splitlines()[1], alice.reveal())
    access = closed.open(alice)
    shown = f"{closed!r}{grant.read_text()}{access!r}{vars(access)}"
    assert not any(secret[20:] in shown for secret in secrets)


def test_only_an_owner_s_grant_makes_grants(path, granted, alice, images, issuer):
    with pytest.raises(InputError, match=r"\A.*a\.miadgrant: expected an owner's grant, found one that lets"):
        open_issuer(path, alice, granted())
    owner = open_issuer(path, alice, granted(owner=True))
    bob = Identity.generate()
    further = make_grant(owner, {WHOLE: owner.identity}, [User("bob", bob.recipient)])
    assert np.array_equal(open_key(path, bob, further).restore(images[0][1]), images[0][0])
    assert owner.public == issuer.public


def test_the_issuer_is_found_beside_the_key(path, issuer):
    with pytest.raises(InputError, match=r"a\.identity: expected an identity file, found no such file"):
        open_issuer(path)
    assert open_issuer(path, issuer.keyring()).public == issuer.public


def test_what_mail_does_to_line_ends_does_no_harm(path, granted, alice):
    grant = granted()
    grant.write_bytes(grant.read_bytes().replace(b"\n", b"\r\n"))
    assert open_key(path, alice, grant).parts == (WHOLE,)


def lines(change):
    def damage(data):
        return b"\n".join(change(data.split(b"\n")))

    return damage


DAMAGES = {
    "empty": (lambda data: b"", "an empty file"),
    "another file": (lambda data: b"\x89PNG", "another file"),
    "a later version": (lambda data: data.replace(b"grant 1", b"grant 2"), "a grant of version 1"),
    "half of it": (lambda data: data[: len(data) // 2], "damaged, or was changed"),
    "the title alone": (lambda data: data[:12], "damaged, or was changed"),
    "no body": (lines(lambda lines: lines[:3]), "damaged, or was changed"),
    "another day": (
        lambda data: data.replace(b'"expires": null', b'"expires": "2099-01-01"'),
        "damaged, or was changed",
    ),
    "more images": (lambda data: data.replace(b'"images": null', b'"images": 99'), "damaged, or was changed"),
    "no field": (lines(lambda lines: [lines[0], b"{}", *lines[2:]]), "damaged, or was changed"),
    "no object": (lines(lambda lines: [lines[0], b"[[[", *lines[2:]]), "damaged, or was changed"),
    "deep": (lines(lambda lines: [lines[0], b"[" * 100_000, *lines[2:]]), "damaged, or was changed"),
    "no signature": (lines(lambda lines: [*lines[:2], b"", *lines[3:]]), "damaged, or was changed"),
    "a space more": (lambda data: data.replace(b'": ', b'":  ', 1), "damaged, or was changed"),
    "a line more": (lambda data: data + b"\n", "damaged, or was changed"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_grant_that_was_changed_is_refused_in_one_line(path, granted, alice, kind):
    grant, (damage, expected) = granted(), DAMAGES[kind]
    data = damage(grant.read_bytes())
    assert data != grant.read_bytes()
    grant.write_bytes(data)
    with pytest.raises(InputError, match=r"\A.*a\.miadgrant: [^\n]*\Z") as error:
        open_key(path, alice, grant)
    assert expected in str(error.value)


def test_a_grant_is_never_replaced(issuer, alice, granted):
    """It may be an owner's, and the only one."""
    grant = granted(owner=True)
    before = grant.read_bytes()
    other = make_grant(issuer, {WHOLE: issuer.identity}, [User("bob", Identity.generate().recipient)])
    with pytest.raises(InputError, match=r"\A.*a\.miadgrant: expected no such file yet, found one, .*\Z"):
        write_grant(grant, other)
    assert grant.read_bytes() == before
    assert sorted(file.name for file in grant.parent.iterdir()) == ["a.miadgrant", "a.miadkey"]


def test_a_missing_grant_is_told(path, issuer, alice, tmp_path):
    with pytest.raises(InputError, match=r"\A.*no\.miadgrant: expected a grant, found no such file; .*\Z"):
        open_key(path, alice, tmp_path / "no.miadgrant")


def test_a_grant_s_bytes_come_back(issuer, alice):
    users = [User('ö "x"', alice.recipient), User("b", alice.recipient)]
    grant = make_grant(issuer, {WHOLE: issuer.identity, "ö": Identity.generate()}, users, images=3, expires=TODAY)
    assert Grant.from_bytes(grant.to_bytes()) == grant


@pytest.mark.parametrize("bad", ["\x1b[2J", "a\tb", "\u202e"])
def test_names_that_move_the_cursor_are_refused_though_they_are_signed(path, issuer, alice, tmp_path, bad):
    for parts, user in (({bad: issuer.identity}, "alice"), ({WHOLE: issuer.identity}, bad)):
        with pytest.raises(InputError, match="the grant is damaged"):
            Grant.from_bytes(make_grant(issuer, parts, [User(user, alice.recipient)]).to_bytes())
    (tmp_path / f"{bad}.pub").write_text(alice.recipient)
    with pytest.raises(InputError, match="expected a printable name of a user, found '") as error:
        read_users(str(tmp_path / f"{bad}.pub"))
    assert error.value.__cause__ is None


def test_a_part_whose_name_moves_the_cursor_is_refused_though_it_is_signed(path, issuer, images):
    add_part(path, issuer, "ward", [images[0][2].marked])
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE part SET name = ? WHERE name = 'ward'", ("\x1b[2J",))
        database.execute("UPDATE member SET part = ?", ("\x1b[2J",))
        with pytest.raises(ValueError, match="printable"):
            read_manifest(database)
    with pytest.raises(InputError, match="expected a printable name"):
        open_key(path, issuer.identity)


@pytest.fixture
def divided(path, issuer, images):
    """The key with a part of two images and one of three, one of them the same."""
    digests = [record.marked for _, _, record in images]
    return add_part(path, issuer, "ward", digests[:2]), add_part(path, issuer, "study", digests[1:4])


def opened(key, images):
    """Numbers of the images that a key restores; each is the original."""
    found = []
    for index, (original, marked, record) in enumerate(images):
        if record.marked in key.records:
            assert np.array_equal(key.restore(marked), original)
            found.append(index)
    return found


def test_a_part_opens_its_images_and_no_others(path, issuer, images, divided):
    ward, study = divided
    assert opened(open_key(path, ward), images) == [0, 1]
    assert opened(open_key(path, study), images) == [1, 2, 3]
    assert opened(open_key(path, issuer.identity), images) == [0, 1, 2, 3, 4, 5]


def test_age_itself_does_not_open_other_images_with_a_part_s_identity(path, divided):
    with closing(sqlite3.connect(path)) as database:
        blobs = [blob for (blob,) in database.execute("SELECT blob FROM record")]
    stock = pyrage.x25519.Identity.from_str(divided[0].reveal())
    failed = 0
    for blob in blobs:
        try:
            pyrage.decrypt(blob, [stock])
        except pyrage.DecryptError:
            failed += 1
    assert (len(blobs), failed) == (6, 4)


def test_a_grant_of_parts_opens_them_together(path, issuer, images, divided, alice):
    parts = dict(zip(("ward", "study"), divided, strict=True))
    grant = make_grant(issuer, parts, [User("alice", alice.recipient)])
    key = open_key(path, alice, grant)
    assert key.parts == ("study", "ward")
    assert opened(key, images) == [0, 1, 2, 3]


def test_former_grants_still_open_a_divided_key(path, issuer, images, granted, alice):
    grant = granted()
    add_part(path, issuer, "ward", [images[0][2].marked])
    assert opened(open_key(path, alice, grant), images) == [0, 1, 2, 3, 4, 5]


def test_the_identity_of_a_part_is_with_the_key_for_its_issuer(path, issuer, divided):
    for name, identity in zip(("ward", "study"), divided, strict=True):
        assert identity_of(path, issuer, name).recipient == identity.recipient
        assert identity.reveal().encode() not in path.read_bytes()
    assert identity_of(path, issuer, WHOLE).recipient == issuer.recipient
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: expected a part of the key \(all, study, ward\), found 'x'"):
        identity_of(path, issuer, "x")


def test_the_identity_of_a_part_is_not_taken_from_a_forger_s_key(path, issuer, images):
    """He knows the identity of the part that he made, and what is sealed to it he reads."""
    forger = Issuer(issuer.recipient, Issuer.generate().signer, issuer.identity)
    a_key(path, images, forger)
    add_part(path, forger, "ward", [images[0][2].marked])
    for name in ("ward", WHOLE):
        with pytest.raises(InputError, match=r"\A.*a\.miadkey: expected the identity of this key's issuer, found ano"):
            identity_of(path, issuer, name)


@pytest.mark.parametrize(
    ("sealed", "expected"),
    [
        (Identity.generate().reveal().encode(), "is another's"),
        (b"no identity", "does not open"),
        (b"\xff", "does not open"),
    ],
)
def test_an_identity_of_a_part_that_is_not_its_own_is_told(path, issuer, divided, sealed, expected):
    with changing(path, issuer) as (database, _):
        database.execute("UPDATE part SET identity = ? WHERE name = 'ward'", (seal(sealed, [issuer.recipient]),))
    with pytest.raises(InputError, match=rf"\A.*a\.miadkey: .*damaged: the identity of its part 'ward' {expected}\Z"):
        identity_of(path, issuer, "ward")
    assert identity_of(path, issuer, "study").recipient == divided[1].recipient


def test_a_grant_of_a_part_says_when_the_key_is_older(path, issuer, images, alice, tmp_path):
    former = path.read_bytes()
    ward = add_part(path, issuer, "ward", [images[0][2].marked])
    grant = make_grant(issuer, {"ward": ward}, [User("alice", alice.recipient)])
    path.write_bytes(former)
    with pytest.raises(InputError, match=r"\A.*grant: .*a\.miadkey is older than the grant and has no part ward; get"):
        open_key(path, alice, grant)


@pytest.mark.parametrize(
    ("name", "members", "expected"),
    [
        ("all", [0], "has a part 'all' already"),
        ("ward", [0], "has a part 'ward' already"),
        ("", [0], "short printable name"),
        ("a\nb", [0], "short printable name"),
        ("x" * 101, [0], "short printable name"),
        ("b", [], "expected images for the part 'b', found none"),
        ("b", [0, "f" * 64], "1 of the images of the part 'b' are not in the key"),
    ],
)
def test_a_bad_part_is_refused_and_the_key_stays_as_it_was(path, issuer, images, divided, name, members, expected):
    before = path.read_bytes()
    members = [images[member][2].marked if isinstance(member, int) else member for member in members]
    with pytest.raises(InputError, match=r"\A[^\n]*\Z") as error:
        add_part(path, issuer, name, members)
    assert expected in str(error.value)
    assert path.read_bytes() == before


def test_only_the_issuer_divides_a_key(path, issuer, images):
    before = path.read_bytes()
    for wrong in (
        Issuer.generate(),
        Issuer(issuer.recipient, issuer.signer),
        Issuer(issuer.recipient, issuer.signer, Identity.generate()),
    ):
        with pytest.raises(InputError, match="expected the"):
            add_part(path, wrong, "ward", [images[0][2].marked])
    assert path.read_bytes() == before


def test_a_user_s_identity_file_opens_a_grant(path, granted, alice, tmp_path):
    write_identity(tmp_path / "alice.key", alice)
    assert open_key(path, tmp_path / "alice.key", granted()).parts == (WHOLE,)
    assert sorted(os.listdir(tmp_path)) == ["a.miadgrant", "a.miadkey", "alice.key"]  # noqa: PTH208
