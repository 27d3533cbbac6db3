"""Files that the system does not let grow: one line, nothing half-written; with room the same command ends well."""

import os
import resource
import sys
from contextlib import suppress

import pytest

from miad.cli import main
from miad.keys import Identity, write_issuer
from tests.keys.samples import a_folder, a_key, marked_images

from .conftest import save_run


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images = marked_images(4)
    a_folder(tmp_path / "marked", images)
    write_issuer(tmp_path / "a.identity", a_key(tmp_path / "a.miadkey", images))
    return tmp_path


def go(limit, *words):
    """Run a command where no file grows beyond so many bytes: its exit code, and what it said."""
    reading, writing = os.pipe()
    if not (child := os.fork()):
        code = 1
        with suppress(BaseException):
            sys.stderr = os.fdopen(writing, "w")  # a pipe has no limit
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            try:
                main(words)
            except SystemExit as stop:
                code = stop.code
            sys.stderr.flush()
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said


def files(place):
    return {path.relative_to(place): path.read_bytes() for path in place.rglob("*") if path.is_file()}


RECOVER = ["recover", "--key", "a.miadkey", "--marked", "marked", "--out", "out"]


@pytest.mark.parametrize("name", ["recover", "grant", "part", "new"])
def test_a_limit_is_one_line_and_leaves_nothing(place, name):
    to = ["keys", "grant", "--key", "a.miadkey", "--out", "b.miadgrant", "--to", Identity.generate().recipient]
    words = {
        "recover": RECOVER,
        "grant": to,
        "part": [*to, "--subset", "case0/*"],
        "new": ["keys", "new", "--out", "b.key"],
    }[name]
    before = files(place)
    code, said = go(60, *words)
    assert code == 2, said
    assert said.count("miad: error: ") == 1
    assert "can not be written" in said.splitlines()[-1]
    assert files(place) == before
    assert go(10**9, *words)[0] == 0


@pytest.mark.parametrize("limit", [100, 5000])
def test_an_attack_goes_on_when_there_is_room_again(place, limit):
    save_run(place / "net", 0)
    words = ["attack", "--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0"]
    words += ["--data.test", "4", "--sources", "net", "--search", "random", "--run.name", "a", "--run.wandb", "off"]
    words += ["--no_run.progress", "--run.accelerator", "cpu"]
    code, said = go(limit, *words)
    assert code == 2, said
    assert said.count("miad: error: ") == 1
    assert not [path for path in files(place) if "draft" in path.name]
    assert go(10**9, *words) == (0, "")
