"""The commands around keys, as users type them: what they write, what they show, and never a secret."""

import os
import pty
import shutil
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyrage
import pytest

from miad.cli import main
from miad.commands.keys_verify import verify
from miad.imaging import read_image
from miad.keys import open_key, own_identity, read_grant, read_issuer, write_issuer
from tests.keys.samples import a_folder, a_key, change, marked_images

IMAGES = 6


@pytest.fixture(scope="module")
def images():
    return marked_images(IMAGES)


@pytest.fixture
def place(tmp_path, monkeypatch, images):
    """A working folder with marked images, their key and its identity."""
    monkeypatch.chdir(tmp_path)
    a_folder(tmp_path / "marked", images)
    write_issuer(tmp_path / "data.identity", a_key(tmp_path / "data.miadkey", images))
    return tmp_path


@pytest.fixture
def call(capsys):
    """A function that runs a command and returns its exit code and what it said; no secret is ever among it."""

    def run(*words):
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        for text in (captured.out, captured.err):
            assert "SECRET-KEY" not in text
            assert "PRIVATE KEY" not in text
        return stop.value.code, captured.out, captured.err

    return run


@pytest.fixture
def refused(call):
    """A function that runs a command and returns its one line of refusal."""

    def run(*words):
        code, _, err = call(*words)
        assert code == 2, err
        lines = [line for line in err.splitlines() if line.startswith("miad: error: ")]
        assert len(lines) == 1
        return lines[0]

    return run


def recovered(folder):
    return {path.relative_to(folder).as_posix(): read_image(path) for path in folder.rglob("*.png")}


def assert_recovered(folder, images):
    found = recovered(folder)
    assert found.keys() == {record.file for _, _, record in images}
    assert all(np.array_equal(found[record.file], original) for original, _, record in images)


RECOVER = ("recover", "--key", "data.miadkey", "--marked", "marked", "--out", "out")


def test_the_whole_walk(place, call, images):
    """Two users make identities, get one grant, and restore the originals without the issuer's identity."""
    for name in ("alice", "bob"):
        code, out, _ = call("keys", "new", "--out", f"{name}.key")
        assert code == 0
        assert f"{name}.pub: public key" in out
    assert call("keys", "grant", "--key", "data.miadkey", "--to", "alice.pub,bob.pub", "--out", "p.miadgrant")[:2] == (
        0,
        "p.miadgrant: opens 6 of 6 images of data.miadkey for alice, bob\n",
    )
    (place / "data.identity").unlink()
    for name in ("alice", "bob"):
        code, out, err = call(*RECOVER, "--grant", "p.miadgrant", "--identity", f"{name}.key")
        assert (code, out) == (0, f"{IMAGES} of {IMAGES} recovered exactly, in out\n"), err
        assert_recovered(place / "out", images)
        shutil.rmtree(place / "out")


def test_the_identity_beside_the_key_is_taken(place, call, images):
    assert call(*RECOVER)[0] == 0
    assert_recovered(place / "out", images)
    assert call(*RECOVER)[1] == f"{IMAGES} of {IMAGES} recovered exactly, {IMAGES} of them before, in out\n"


def test_over_processes(place, call, images):
    assert call(*RECOVER, "--processes", "2")[0] == 0
    assert_recovered(place / "out", images)


def test_without_an_identity_it_says_what_to_give(place, refused):
    (place / "data.identity").rename(place / "moved.identity")
    line = refused(*RECOVER)
    assert "data.miadkey is encrypted: expected its identity beside it (data.identity), found none; give its id" in line
    assert not (place / "out").exists()


def test_a_new_identity_is_for_its_owner_alone_and_age_reads_it(place, call):
    call("keys", "new", "--out", "alice.key")
    assert stat.S_IMODE((place / "alice.key").stat().st_mode) == 0o600
    (line,) = [line for line in (place / "alice.key").read_text().splitlines() if not line.startswith("#")]
    assert str(pyrage.x25519.Identity.from_str(line).to_public()) == (place / "alice.pub").read_text().strip()


@pytest.mark.parametrize("name", ["alice.key", "alice.pub"])
def test_an_identity_is_never_replaced(place, refused, name):
    (place / name).write_text("mine")
    assert "expected no such file yet, found one" in refused("keys", "new", "--out", "alice.key")
    assert [path.name for path in place.glob("alice*")] == [name]
    assert (place / name).read_text() == "mine"


def test_a_private_key_is_not_called_like_a_public_one(place, refused):
    assert "give another --out" in refused("keys", "new", "--out", "alice.pub")
    assert not (place / "alice.pub").exists()


def test_a_grant_for_some_images_by_pattern_list_and_table(place, call, images):
    call("keys", "new", "--out", "alice.key")
    (place / "list.txt").write_text("id 1\n\ncase2/2.png\n")
    (place / "table.csv").write_text("split,image\ntest,id 3\ntest,case0/4.png\n")
    expected = {"case1/*": [1, 5], "list.txt": [1, 2], "table.csv": [3, 4], "id 0,case3/*": [0, 3]}
    for index, (subset, numbers) in enumerate(expected.items()):
        out = f"{index}.miadgrant"
        words = ("keys", "grant", "--key", "data.miadkey", "--to", "alice.pub", "--subset", subset, "--out", out)
        code, said, err = call(*words)
        assert code == 0, err
        assert said.splitlines() == [
            f"{out}: opens 2 of 6 images of data.miadkey for alice",
            f"data.miadkey has the part {index}: give them the file as it is now",
        ]
        call(*RECOVER, "--grant", out, "--identity", "alice.key")
        assert_recovered(place / "out", [images[number] for number in numbers])
        shutil.rmtree(place / "out")


def test_the_same_part_is_granted_again_without_a_change_of_the_key(place, call):
    call("keys", "new", "--out", "alice.key")
    words = ("keys", "grant", "--key", "data.miadkey", "--to", "alice.pub", "--part", "ward")
    advice = "data.miadkey has the part ward: give them the file as it is now\n"
    assert advice in call(*words, "--subset", "case1/*", "--out", "1.miadgrant")[1]
    before = (place / "data.miadkey").read_bytes()
    assert advice in call(*words, "--subset", "case1/*", "--out", "2.miadgrant")[1]
    assert advice in call(*words, "--out", "3.miadgrant")[1]
    assert (place / "data.miadkey").read_bytes() == before
    parts = [read_grant(place / f"{index}.miadgrant").parts for index in (1, 2, 3)]
    assert parts[0] == parts[1] == parts[2]


def test_an_owner_grants_further_without_the_identity_file(place, call, images):
    for name in ("alice", "bob"):
        call("keys", "new", "--out", f"{name}.key")
    call("keys", "grant", "--key", "data.miadkey", "--to", "alice.pub", "--owner", "--out", "owner.miadgrant")
    (place / "data.identity").unlink()
    owner = ("--grant", "owner.miadgrant", "--identity", "alice.key")
    words = ("keys", "grant", "--key", "data.miadkey", "--to", "bob.pub", "--subset", "case1/*", "--out", "b.miadgrant")
    assert call(*words, *owner)[0] == 0
    code, out, err = call(*RECOVER, "--grant", "b.miadgrant", "--identity", "bob.key")
    assert (code, err.strip()) == (0, "")
    assert out == "2 of 2 recovered exactly, in out\n4 more are in the key, but not covered by your grant\n"
    assert_recovered(place / "out", [images[1], images[5]])


def test_images_that_a_grant_does_not_cover_hide_no_mistake(place, call, images):
    call("keys", "new", "--out", "alice.key")
    call("keys", "grant", "--key", "data.miadkey", "--to", "alice.pub", "--subset", "case1/*", "--out", "a.miadgrant")
    words = (*RECOVER, "--grant", "a.miadgrant", "--identity", "alice.key")
    (place / "marked" / "case1" / "5.png").unlink()
    code, _, err = call(*words)
    assert code == 2
    assert "5.png: no such file in the folder" in err
    assert "1 of 2 could not be recovered" in err
    (place / "marked" / "case1" / "1.png").unlink()
    code, out, err = call(*words)
    assert code == 2
    assert "4 more are in the key, but not covered" in out
    assert "nothing that your grant covers could be restored" in err
    assert_recovered(place / "out", [images[1]])


def test_a_passphrase_from_a_file(place, call, refused, images):
    (place / "phrase").write_text("open sesame\nnot this line\n")
    (place / "wrong").write_text("close sesame\n")
    words = ("keys", "grant", "--key", "data.miadkey", "--out", "p.miadgrant", "--to_passphrase_file", "phrase")
    assert "for whoever has the passphrase" in call(*words)[1]
    (place / "data.identity").unlink()
    line = refused(*RECOVER, "--grant", "p.miadgrant", "--passphrase_file", "wrong")
    assert "the passphrase is wrong" in line
    assert "sesame" not in line
    assert call(*RECOVER, "--grant", "p.miadgrant", "--passphrase_file", "phrase")[0] == 0
    assert_recovered(place / "out", images)


def test_a_passphrase_is_asked_for_on_the_terminal_and_not_shown(place, call, monkeypatch):
    """On a real terminal, and never echoed: twice when it is new, once when it opens."""
    words = ["keys", "new", "--out", "alice.key", "--passphrase"]
    said = on_a_terminal(words, [(b"alice.key: ", b"open sesame\n"), (b"more: ", b"open sesame\n")], place)
    assert b"sesame" not in said
    assert (place / "alice.key").read_bytes().startswith(b"-----BEGIN AGE ENCRYPTED FILE-----")
    assert stat.S_IMODE((place / "alice.key").stat().st_mode) == 0o600
    answer_on_the_terminal(monkeypatch, "open sesame")
    call("keys", "grant", "--key", "data.miadkey", "--to", "alice.pub", "--out", "a.miadgrant")
    assert call(*RECOVER, "--grant", "a.miadgrant", "--identity", "alice.key")[0] == 0


def answer_on_the_terminal(monkeypatch, *answers):
    left = list(answers)
    monkeypatch.setattr("miad.commands.passphrase.getpass", lambda _: left.pop(0))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)


def on_a_terminal(words, answers, place):
    """Run a command on a terminal of its own, answer its questions, and return all that it showed."""
    pid, terminal = pty.fork()
    if not pid:
        os.chdir(place)
        os.execv(sys.executable, [sys.executable, "-m", "miad", *words])
    shown = b""
    for question, answer in [*answers, (None, b"")]:
        while question is None or question not in shown:
            try:
                data = os.read(terminal, 1000)
            except OSError:  # how Linux says that the other end is closed
                break
            if not data:
                break
            shown += data
        os.write(terminal, answer)
    assert os.waitpid(pid, 0)[1] == 0, shown
    return shown


def test_two_different_passphrases_are_refused(place, refused, monkeypatch):
    answer_on_the_terminal(monkeypatch, "open sesame", "open sesam")
    assert "the same passphrase twice" in refused("keys", "new", "--out", "alice.key", "--passphrase")
    assert not list(place.glob("alice*"))


def test_without_a_terminal_a_passphrase_is_not_waited_for(place):
    words = [sys.executable, "-m", "miad", "keys", "new", "--out", "alice.key", "--passphrase"]
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "expected a terminal to ask for the passphrase, found none; give it in a file" in done.stderr
    assert not list(place.glob("alice*"))


def test_inspect_shows_what_everybody_can_read(place, call):
    call("keys", "new", "--out", "alice.key")
    day = datetime.now(UTC).date() + timedelta(days=30)
    words = (
        "--to",
        "alice.pub",
        "--subset",
        "case1/*",
        "--part",
        "ward",
        "--expires",
        str(day),
        "--out",
        "a.miadgrant",
    )
    call("keys", "grant", "--key", "data.miadkey", *words)
    issuer = read_issuer(place / "data.identity")
    (place / "data.identity").unlink()
    code, out, _ = call("keys", "inspect", "--key", "data.miadkey", "--grant", "a.miadgrant")
    text = " ".join(out.replace("│", " ").split())
    assert code == 0
    assert "images of part all 6" in text
    assert "images of part ward 2" in text
    assert "opens ward" in text
    assert f"last day {day}" in text
    joined = "".join(out.replace("│", "").split())
    assert issuer.public in joined
    assert (place / "alice.pub").read_text().strip() in joined
    assert "case1" not in out


def test_inspect_names_a_grant_of_another_key(place, call, refused, images):
    call("keys", "new", "--out", "alice.key")
    call("keys", "grant", "--key", "data.miadkey", "--to", "alice.pub", "--out", "a.miadgrant")
    a_key(place / "other.miadkey", images)
    line = refused("keys", "inspect", "--key", "other.miadkey", "--grant", "a.miadgrant")
    assert "a.miadgrant: the grant belongs to another key than other.miadkey" in line


def test_verify_with_and_without_the_identity(place, call):
    code, out, _ = call("keys", "verify", "--key", "data.miadkey")
    assert code == 0
    assert "9 of 9 pieces (a record for each of 6 images, 3 renderings of the logo) are as they were signed" in out
    assert "6 of 6 images' records open and are in their place" in out
    (place / "data.identity").unlink()
    code, out, _ = call("keys", "verify", "--key", "data.miadkey")
    assert code == 0
    assert "whether they open was not checked" in out


def test_verify_with_a_grant_of_a_part_counts_its_records(place, call):
    call("keys", "new", "--out", "alice.key")
    call("keys", "grant", "--key", "data.miadkey", "--to", "alice.pub", "--subset", "case1/*", "--out", "a.miadgrant")
    assert verify(Path("data.miadkey"), Path("alice.key"), Path("a.miadgrant")) == 2
    assert verify(Path("data.miadkey")) == IMAGES


def test_verify_names_damage(place, call, refused):
    change(place / "data.miadkey", "UPDATE record SET blob = x'00' WHERE rowid = 2")
    assert "data.miadkey: 1 of 9 are damaged" in refused("keys", "verify", "--key", "data.miadkey")
    change(place / "data.miadkey", "UPDATE record SET sha256 = zeroblob(32) WHERE rowid = 2")
    assert "changed by others" in refused("keys", "verify", "--key", "data.miadkey")


def test_verify_finds_what_was_signed_and_does_not_open(place, refused, images):
    from miad.keys import seal_record, write_key

    issuer = read_issuer(place / "data.identity")
    write_key(place / "data.miadkey", [seal_record(images[0][2], issuer.recipient)], {}, issuer)
    assert "data.miadkey: 1 of 1 are damaged" in refused("keys", "verify", "--key", "data.miadkey")


GRANT = ("keys", "grant", "--key", "data.miadkey", "--out", "g.miadgrant")
WRONG = {
    "nobody": (GRANT, "expected --to or --to_passphrase, found neither"),
    "both": ((*GRANT, "--to", "alice.pub", "--to_passphrase"), "found both"),
    "a private key": ((*GRANT, "--to", "alice.key"), "alice.key: expected public keys, found a private one"),
    "no such user": ((*GRANT, "--to", "carol.pub"), "carol.pub: expected a file of public keys, found no such file"),
    "no key": (("keys", "grant", "--key", "no.miadkey", "--out", "g.miadgrant", "--to", "alice.pub"), "no.identity"),
    "no such image": ((*GRANT, "--to", "alice.pub", "--subset", "case9/*"), "found 'case9/*', which is of none"),
    "no column": ((*GRANT, "--to", "alice.pub", "--subset", "wrong.csv"), "expected a column 'image', found a, b"),
    "no such part": ((*GRANT, "--to", "alice.pub", "--part", "ward"), "expected a part of the key (all), found 'ward'"),
    "the past": ((*GRANT, "--to", "alice.pub", "--expires", "2020-01-01"), "expected a last day that is not over"),
    "the past for a part": (
        (*GRANT, "--to", "alice.pub", "--subset", "case1/*", "--expires", "2020-01-01"),
        "expected a last day that is not over",
    ),
    "a folder that can not be": (
        (*GRANT[:-1], "wrong.csv/g.miadgrant", "--to", "alice.pub", "--subset", "case1/*"),
        "wrong.csv/g.miadgrant: can not be written (Not a directory)",
    ),
    "an existing grant": (
        (*GRANT[:-1], "owner.miadgrant", "--to", "alice.pub", "--subset", "case1/*"),
        "owner.miadgrant: expected no such file yet, found one",
    ),
    "no day": ((*GRANT, "--to", "alice.pub", "--expires", "soon"), "expected --expires as 2027-12-31, found 'soon'"),
    "another suffix": ((*GRANT[:-1], "g.txt", "--to", "alice.pub"), "expected a name that ends in .miadgrant"),
    "an owner of a part": (
        (*GRANT, "--to", "alice.pub", "--owner", "--subset", "case1/*"),
        "expected --owner with the",
    ),
    "another's identity": ((*GRANT, "--to", "alice.pub", "--identity", "alice.key"), "expected the identity file that"),
    "no name": (("keys", "new", "--out", "."), "expected --out with the name of a file, found '.'"),
    "a root": (("keys", "new", "--out", "/"), "expected --out with the name of a file, found '/'"),
    "nothing to inspect": (("keys", "inspect"), "expected --key, --grant or both"),
    "no grant": (("keys", "inspect", "--grant", "data.miadkey"), "data.miadkey: expected a grant"),
    "a user's identity": ((*RECOVER, "--identity", "alice.key"), "this identity does not open the key"),
    "no processes": ((*RECOVER, "--processes", "0"), "processes"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_a_mistake_is_one_line_and_changes_nothing(place, call, refused, kind):
    call("keys", "new", "--out", "alice.key")
    call("keys", "grant", "--key", "data.miadkey", "--to", "alice.pub", "--owner", "--out", "owner.miadgrant")
    (place / "wrong.csv").write_text("a,b\n1,2\n")
    before = {path: path.read_bytes() for path in place.rglob("*") if path.is_file()}
    words, expected = WRONG[kind]
    assert expected in refused(*words)
    assert {path: path.read_bytes() for path in place.rglob("*") if path.is_file()} == before


def test_names_that_move_the_cursor_are_not_printed_as_they_are(place, call, images):
    (place / "marked" / "evil\x1b[2J\n.png").write_bytes(b"")
    code, _, err = call(*RECOVER)
    assert code == 2
    assert "\x1b" not in err
    assert "evil?[2J?.png" in err


def test_the_help_says_what_revocation_can_not_do(call):
    _, out, _ = call("keys", "grant", "--help")
    assert "can not be taken back" in " ".join(out.split())


def test_a_few_lines_of_python_are_enough(place, images):
    key = open_key("data.miadkey")
    assert np.array_equal(key.restore(images[0][1]), images[0][0])
    assert own_identity(key.path).is_file()
