"""Private keys as age, ssh and miad write them: read, kept from others' eyes, and never shown."""

import copy
import os
import pickle
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pyrage
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from miad.errors import InputError, RunError
from miad.keys import (
    Identity,
    Issuer,
    read_grant,
    read_issuer,
    read_keyring,
    read_users,
    write_identity,
    write_issuer,
)
from miad.keys.sealing import seal, unseal
from miad.keys.secret_file import write_secret
from miad.keys.signature import is_signed

AGE_KEYGEN = "# created: 2025-01-03T17:10:06+01:00\n# public key: {public}\n{secret}\n"
"""As age-keygen writes it."""


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def ssh_pair(kind):
    make = {"ed25519": ed25519.Ed25519PrivateKey.generate, "rsa": lambda: rsa.generate_private_key(65537, 2048)}
    private = make[kind]()
    public = private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
    return private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()), public


def test_what_age_keygen_writes_is_read(tmp_path):
    stock = pyrage.x25519.Identity.generate()
    text = AGE_KEYGEN.format(public=stock.to_public(), secret=stock)
    (tmp_path / "a.key").write_text(text)
    (identity,) = read_keyring(tmp_path / "a.key").identities
    assert (identity.recipient, identity.reveal()) == (str(stock.to_public()), str(stock))


def test_several_identities_of_one_file_are_all_tried(tmp_path):
    several = [Identity.generate() for _ in range(3)]
    (tmp_path / "a.key").write_text("\r\n\r\n# mine\r\n".join(identity.reveal() for identity in several))
    keyring = read_keyring(str(tmp_path / "a.key"))
    for identity in several:
        assert unseal(seal(b"text", [identity.recipient]), keyring.openers) == b"text"


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_ssh_keys_are_read(tmp_path, kind):
    private, public = ssh_pair(kind)
    (tmp_path / "id").write_bytes(private)
    (tmp_path / "id.pub").write_text(f"{public} jane@ward\n")
    (user,) = read_users(str(tmp_path / "id.pub"))
    assert (user.name, user.key) == ("id", public)
    sealed = pyrage.encrypt(b"text", [user.recipient])
    assert unseal(sealed, read_keyring(tmp_path / "id").openers) == b"text"


def test_an_identity_file_behind_a_passphrase_is_read(tmp_path):
    identity = Identity.generate()
    (tmp_path / "a.key").write_bytes(pyrage.passphrase.encrypt(identity.reveal().encode(), "open sesame"))
    asked = []

    def ask(name):
        asked.append(name)
        return "open sesame"

    assert read_keyring(tmp_path / "a.key", ask).identities[0].recipient == identity.recipient
    assert asked == [str(tmp_path / "a.key")]
    with pytest.raises(InputError, match=r"\A.*a\.key: the passphrase is wrong, or the file is damaged\Z"):
        read_keyring(tmp_path / "a.key", "close sesame")
    with pytest.raises(InputError, match=r"\A.*a\.key: expected a passphrase, which opens it, found none\Z"):
        read_keyring(tmp_path / "a.key")


def test_a_user_s_identity_is_written_as_age_keygen_does(tmp_path):
    identity = Identity.generate()
    write_identity(tmp_path / "a.key", identity)
    first, second, third = (tmp_path / "a.key").read_text().splitlines()
    assert first.startswith("# created: 20")
    assert second == f"# public key: {identity.recipient}"
    assert str(pyrage.x25519.Identity.from_str(third).to_public()) == identity.recipient


def test_an_issuer_s_identity_comes_back(tmp_path):
    issuer = Issuer.generate()
    write_issuer(tmp_path / "a.identity", issuer)
    back = read_issuer(tmp_path / "a.identity")
    assert (back.public, back.recipient, back.identity.recipient) == (issuer.public, issuer.recipient, issuer.recipient)
    assert back.sign(b"text") == issuer.sign(b"text")  # Ed25519 is deterministic


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_secrets_are_for_their_owner_alone(tmp_path, umask):
    former = os.umask(umask)
    try:
        write_issuer(tmp_path / "a.identity", Issuer.generate())
        write_identity(tmp_path / "a.key", Identity.generate())
    finally:
        os.umask(former)
    assert [mode(path) for path in tmp_path.iterdir()] == [0o600, 0o600]


def test_there_is_no_moment_at_which_others_can_read_a_secret(tmp_path, monkeypatch):
    """Whenever the file's bytes reach the system, and whatever its name is then, its mode is 0600."""
    seen = []

    def watched(function):
        def call(*arguments, **options):
            seen.extend(mode(path) for path in tmp_path.iterdir())
            return function(*arguments, **options)

        return call

    for name in ("fsync", "link", "fdopen", "unlink"):
        monkeypatch.setattr(os, name, watched(getattr(os, name)))
    former = os.umask(0)
    try:
        write_secret(tmp_path / "a", "secret")
    finally:
        os.umask(former)
    assert len(seen) >= 3
    assert set(seen) == {0o600}


def test_a_secret_is_never_replaced(tmp_path):
    write_secret(tmp_path / "a", "first")
    with pytest.raises(
        InputError, match=r"\A.*a: expected no such file yet, found one, which is never replaced; choose another name\Z"
    ):
        write_secret(tmp_path / "a", "second")
    assert (tmp_path / "a").read_text() == "first"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_secret_is_never_replaced_where_there_are_no_links(tmp_path, monkeypatch):
    def link(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    write_secret(tmp_path / "a", "first")
    with pytest.raises(InputError, match="found one"):
        write_secret(tmp_path / "a", "second")
    assert (tmp_path / "a").read_text() == "first"
    assert mode(tmp_path / "a") == 0o600
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


def test_a_secret_that_can_not_be_written_leaves_nothing(tmp_path, monkeypatch):
    def fsync(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(RunError, match=r"\A.*a: can not be written \(No space left on device\); .*\Z"):
        write_secret(tmp_path / "a", "secret")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_the_folder_is_one_line(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(RunError, match=r"\A.*a/b: can not be written .*\Z"):
        write_secret(tmp_path / "a" / "b", "secret")


def test_secrets_do_not_show_themselves():
    issuer = Issuer.generate()
    keyring = issuer.keyring()
    shown = "".join(f"{thing!r}{thing}" for thing in (issuer, issuer.identity, keyring, [keyring], {"a": issuer}))
    shown += repr([vars(issuer), vars(keyring)])
    assert issuer.recipient in shown
    assert issuer.identity.reveal()[16:] not in shown
    assert issuer.pem().splitlines()[1] not in shown


def test_secrets_can_not_be_written_by_accident():
    issuer = Issuer.generate()
    for secret in (issuer, issuer.identity, issuer.keyring(), replace(issuer.keyring(), identities=())):
        with pytest.raises(TypeError):
            pickle.dumps(secret)
    with pytest.raises(TypeError):
        copy.deepcopy(issuer.identity)


def ecdsa():
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())


SECRET = Identity.generate().reveal()
BAD = {
    "empty": (b"", "an empty file"),
    "large": (b"#" * 2_000_000, "a large file"),
    "only comments": (b"# public key: age1\n\n", "no identity in it"),
    "binary": (b"\x89PNG\r\n\xff", "other data"),
    "text": (b"my dear diary " + SECRET.encode(), "a damaged one"),
    "a letter less": (SECRET[:-1].encode(), "a damaged one"),
    "another letter": (SECRET.replace("1", "2", 1).encode(), "a damaged one"),
    "lower and upper case": (SECRET[:30].encode() + SECRET[30:].lower().encode(), "a damaged one"),
    "public": (b"age1qqqq", "a public one"),
    "ssh public": (b"ssh-ed25519 AAAA", "a public one"),
    "plugin": (b"AGE-PLUGIN-YUBIKEY-1QQQ", "one of a plugin"),
    "half a block": (SECRET.encode() + b"\n-----BEGIN PRIVATE KEY-----\nMC4C", "cut short"),
    "ecdsa": (ecdsa(), "found another or a damaged one"),
    "half an ssh key": (ssh_pair("ed25519")[0][:200], "found another or a damaged one"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_identity_is_refused_in_one_line_that_does_not_repeat_it(tmp_path, kind):
    data, expected = BAD[kind]
    (tmp_path / "a.key").write_bytes(data)
    with pytest.raises(InputError) as error:
        read_keyring(tmp_path / "a.key")
    message = str(error.value)
    assert message.startswith(f"{tmp_path}/a.key: expected ")
    assert expected in message
    assert "\n" not in message
    assert SECRET[20:40] not in message
    assert error.value.__cause__ is None  # nor does what it came from


def test_a_missing_identity_is_told(tmp_path):
    with pytest.raises(InputError, match=r"\A.*a\.key: expected an identity file, found no such file; .*\Z"):
        read_keyring(tmp_path / "a.key")


def test_an_ssh_key_with_a_passphrase_is_told(tmp_path):
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "hello", "-f", str(tmp_path / "id")]
    try:
        subprocess.run(words, check=True)
    except FileNotFoundError:
        pytest.skip("needs ssh-keygen")
    with pytest.raises(InputError, match=r"\A.*id: this ssh key has a passphrase, .*\Z"):
        read_keyring(tmp_path / "id")


def test_a_signature_has_one_spelling():
    issuer = Issuer.generate()
    signature = issuer.sign(b"text")
    assert is_signed(issuer.public, signature, b"text")
    assert not is_signed(issuer.public, signature, b"another")
    for other in (signature.upper(), f"{signature[:2]} {signature[2:]}", f"{signature}\n", f" {signature}"):
        assert not is_signed(issuer.public, other, b"text")


def test_a_user_s_identity_is_not_an_issuer_s(tmp_path):
    write_identity(tmp_path / "a.key", Identity.generate())
    with pytest.raises(InputError, match=r"\A.*a\.key: expected the identity file that was written with the key"):
        read_issuer(tmp_path / "a.key")


def test_a_damaged_signing_key_is_not_repeated(tmp_path):
    write_issuer(tmp_path / "a.identity", Issuer.generate())
    lines = (tmp_path / "a.identity").read_text().splitlines()
    lines[-2] = lines[-2][:-9]
    (tmp_path / "a.identity").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"\A.*a\.identity: .*, found a damaged one\Z") as error:
        read_issuer(tmp_path / "a.identity")
    assert lines[-2] not in str(error.value)


def test_users_are_read_from_files_and_words(tmp_path):
    identity, (_, public) = Identity.generate(), ssh_pair("ed25519")
    (tmp_path / "both.pub").write_text(f"# two\n{identity.recipient}\n\n{public} jane@ward\n")
    assert [user.key for user in read_users(str(tmp_path / "both.pub"))] == [identity.recipient, public]
    assert [user.name for user in read_users(str(tmp_path / "both.pub"))] == ["both", "both"]
    assert read_users(identity.recipient)[0].key == identity.recipient
    assert read_users(f"{public} jane@ward")[0].name == "jane@ward"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "an empty file"),
        ("# nothing\n", "found none in it"),
        (SECRET, "found a private one"),
        (SECRET.lower(), "found a private one"),
        (ssh_pair("ed25519")[0].decode(), "found a private one"),
        ("age1qqqq", "expected a public key, found 'age1qqqq'"),
        ("ssh-ed25519 AAAA", "expected a public key"),
        ("# mine\n\ndear diary", "a.pub: line 3: expected a public key, found something else; "),
    ],
)
def test_what_is_no_public_key_is_refused_in_one_line(tmp_path, text, expected):
    (tmp_path / "a.pub").write_text(text)
    with pytest.raises(InputError, match=r"\A[^\n]*\Z") as error:
        read_users(str(tmp_path / "a.pub"))
    assert expected in str(error.value)
    assert SECRET[20:40].lower() not in str(error.value).lower()
    assert "diary" not in str(error.value)


@pytest.mark.parametrize("read", [read_keyring, read_issuer, read_users, lambda text: read_grant(Path(text))])
@pytest.mark.parametrize("text", [SECRET, SECRET.lower(), SECRET[4:], Issuer.generate().pem(), f"mine\n{SECRET}"])
def test_a_secret_in_place_of_a_file_s_name_is_not_repeated(read, text):
    with pytest.raises(
        InputError, match=r"\Aexpected the name of [^\n]*, found a private key or several lines;"
    ) as error:
        read(text)
    assert not any(text[start : start + 8] in str(error.value) for start in range(20, len(text) - 8))
    assert error.value.__cause__ is None
