"""Files of miad in the place of others: one line says what they are, and what to give instead."""

import os
import shutil

import pytest

from miad.errors import InputError
from miad.imaging import write_png
from miad.keys import is_encrypted, make_grant, open_key, read_grant, write_grant, write_issuer
from miad.keys.keyring import read_keyring
from miad.keys.kind import found_at
from miad.keys.user import read_users

from .samples import a_key, marked_images

FOUND = {
    "data.identity": "an identity, which is a private key",
    "alice.key": "an identity, which is a private key",
    "alice.pub": "a public key",
    "host.pub": "a public key",
    "sealed.key": "a file that age encrypted, perhaps an identity with a passphrase",
    "data.miadkey": "a key of miad",
    "partner.miadgrant": "a grant",
    "marked.png": "an image",
    "run": "a run's folder",
    "empty": "a folder",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with one of everything."""
    place = tmp_path_factory.mktemp("place")
    images = marked_images(2)
    issuer = a_key(place / "data.miadkey", images)
    write_issuer(place / "data.identity", issuer)
    recipient, secret = issuer.recipient, issuer.identity.reveal()
    (place / "alice.key").write_text(f"# created: today\n# public key: {recipient}\n{secret}\n")
    (place / "alice.pub").write_text(f"# mine\n{recipient}\n")
    (place / "host.pub").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA alice@host\n")
    (place / "sealed.key").write_bytes(b"age-encryption.org/v1\n-> scrypt\n")
    users = read_users(str(place / "alice.pub"))
    write_grant(place / "partner.miadgrant", make_grant(issuer, {"all": issuer.identity}, users))
    write_png(place / "marked.png", images[0][1])
    (place / "run").mkdir()
    (place / "run" / "config.yaml").write_text("run: {}\n")
    shutil.copy(place / "data.miadkey", place / "run" / "run.miadkey")
    (place / "empty").mkdir()
    return place


@pytest.mark.parametrize("name", FOUND)
def test_everything_is_known_by_what_is_in_it(place, tmp_path, name):
    assert found_at(place / name, "something else") == FOUND[name]
    if (place / name).is_file():
        shutil.copy(place / name, tmp_path / "data.bin")
        assert found_at(tmp_path / "data.bin", "something else") == FOUND[name]


def test_anything_else_keeps_its_name(place, tmp_path):
    (tmp_path / "notes.txt").write_text("to do")
    os.mkfifo(tmp_path / "pipe")
    for name in ("notes.txt", "pipe", "nowhere"):
        assert found_at(tmp_path / name, "something else") == "something else"


@pytest.mark.parametrize("name", sorted(FOUND.keys() - {"data.miadkey"}))
@pytest.mark.parametrize("read", [open_key, is_encrypted])
def test_what_stands_where_a_key_belongs_is_said(place, name, read):
    with pytest.raises(InputError) as caught:
        read(place / name)
    hints = {
        "data.identity": f"give the key beside it, {place / 'data.miadkey'}",
        "run": f"give the key in it, {place / 'run' / 'run.miadkey'}",
    }
    hint = hints.get(name, "give the key, NAME.miadkey in the folder of an attack")
    assert str(caught.value) == f"{place / name}: expected a key of miad, found {FOUND[name]}; {hint}"


@pytest.mark.parametrize("name", sorted(FOUND.keys() - {"partner.miadgrant"}))
def test_what_stands_where_a_grant_belongs_is_said(place, name):
    with pytest.raises(InputError) as caught:
        read_grant(place / name)
    assert str(caught.value) == f"{place / name}: expected a grant, found {FOUND[name]}; 'miad keys grant' makes one"


@pytest.mark.parametrize("name", ["data.miadkey", "partner.miadgrant", "marked.png", "run", "empty"])
def test_what_stands_where_an_identity_belongs_is_said(place, name):
    with pytest.raises(InputError) as caught:
        read_keyring(place / name)
    assert str(caught.value).startswith(f"{place / name}: expected an identity file, found {FOUND[name]}; ")


@pytest.mark.parametrize("name", ["data.miadkey", "partner.miadgrant", "marked.png", "run", "sealed.key"])
def test_what_stands_where_a_public_key_belongs_is_said(place, name):
    with pytest.raises(InputError) as caught:
        read_users(str(place / name))
    assert str(caught.value).startswith(f"{place / name}: expected a file of public keys, found {FOUND[name]}; ")
