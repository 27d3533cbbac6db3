"""Marking, granting and recovering leave no private key anywhere but in the files that are for it."""

import base64
import stat
import tempfile

import pytest

from miad.cli import main
from miad.keys import Identity, Issuer, read_issuer, read_keyring

from .conftest import save_run

LETTERS = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
"""Of bech32 (BIP 173)."""


def raw(text):
    """The 32 bytes of an age identity; the last six letters are a checksum."""
    values = [LETTERS.index(letter) for letter in text.lower().rpartition("1")[2][:-6]]
    bits = "".join(f"{value:05b}" for value in values)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, 256, 8))


def spellings(issuer):
    """An issuer's secrets as they might be written down."""
    keys = [issuer.signer.private_bytes_raw()]
    texts = ["".join(issuer.pem().splitlines()[1:-1])]
    if issuer.identity is not None:
        keys.append(raw(issuer.identity.reveal()))
        texts += [issuer.identity.reveal(), issuer.identity.reveal().lower()]
    for key in keys:
        texts += [key.hex(), key.hex().upper(), base64.b64encode(key).decode().rstrip("=")]
    return [*keys, *(text.encode() for text in texts)]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder, with the system's folder for temporary files in it."""
    monkeypatch.chdir(tmp_path)
    for name in ("TMPDIR", "WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_DATA_DIR", "WANDB_CONFIG_DIR"):
        (tmp_path / name.lower()).mkdir()
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmpdir"))
    save_run(tmp_path / "net", 0)
    return tmp_path


@pytest.fixture
def made(monkeypatch):
    """Every issuer that is made."""
    made, generate = [], Issuer.generate.__func__
    monkeypatch.setattr(Issuer, "generate", classmethod(lambda cls: made.append(generate(cls)) or made[-1]))
    return made


def call(*words, code=0):
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    assert stop.value.code == code


def attack(name, *words):
    data = ["--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0", "--data.test", "4"]
    call(
        "attack",
        *data,
        "--sources",
        "net",
        "--search",
        "random",
        "--run.name",
        name,
        "--run.accelerator",
        "cpu",
        *words,
    )


def holders(place, secrets):
    """Files that hold any of these bytes."""
    files = [path for path in place.rglob("*") if path.is_file() and not path.is_symlink()]
    assert any(path.suffix == ".wandb" for path in files)
    return {path.relative_to(place).as_posix() for path in files if any(s in path.read_bytes() for s in secrets)}


def test_the_spellings_are_those_of_the_library():
    """A known pair, else nothing would ever be found."""
    issuer = Issuer.generate()
    assert issuer.signer.private_bytes_raw() in base64.b64decode("".join(issuer.pem().splitlines()[1:-1]))
    assert len({raw(Identity.generate().reveal()) for _ in range(9)}) == 9
    zero = "AGE-SECRET-KEY-1" + "Q" * 52
    assert raw(zero + "QQQQQQ") == bytes(32)


def test_no_secret_is_left_anywhere(place, made, capfd):
    call("keys", "new", "--out", "alice.key")
    call("keys", "new", "--out", "mallory.key")
    attack("own")
    attack("theirs", "--key.to", "alice.pub")
    own, theirs = (place / "runs" / name for name in ("own", "theirs"))
    call("keys", "grant", "--key", own / "own.miadkey", "--to", "alice.pub", "--out", "all.miadgrant")
    call(
        *("keys", "grant", "--key", own / "own.miadkey", "--to", "alice.pub", "--out", "some.miadgrant"),
        *("--subset", "brain-00001*"),
    )
    for folder, grant in ((own, "all.miadgrant"), (own, "some.miadgrant"), (theirs, theirs / "theirs.miadgrant")):
        words = ["--key", folder / f"{folder.name}.miadkey", "--marked", folder / "marked", "--grant", grant]
        call("recover", *words, "--identity", "alice.key", "--out", place / f"out-{folder.name}-{grant!s:.4}")
        call("recover", *words, "--identity", "mallory.key", "--out", "none", code=2)
    assert len(made) == 2
    said = "".join(capfd.readouterr()).encode()
    alice = read_keyring(place / "alice.key").identities[0]
    secrets = {
        "own": spellings(made[0]),
        "theirs": spellings(made[1]),
        "alice": [raw(alice.reveal()), alice.reveal().encode(), raw(alice.reveal()).hex().encode()],
    }
    assert read_issuer(own / "own.identity").pem() == made[0].pem()
    allowed = {"own": {"runs/own/own.identity"}, "theirs": set(), "alice": {"alice.key"}}
    for name, spelled in secrets.items():
        assert holders(place, spelled) == allowed[name]
        assert not any(secret in said for secret in spelled)
        for file in allowed[name]:
            assert stat.S_IMODE((place / file).stat().st_mode) == 0o600
