"""Files that the system does not let grow: one line, nothing half-written; with room the same command ends well."""

import subprocess
import sys

import pytest

from miad.keys import Identity, write_issuer
from tests.keys.samples import a_folder, a_key, marked_images

from .conftest import save_run

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from miad.cli import main
main(sys.argv[2:])
"""


@pytest.fixture
def place(tmp_path):
    images = marked_images(4)
    a_folder(tmp_path / "marked", images)
    write_issuer(tmp_path / "a.identity", a_key(tmp_path / "a.miadkey", images))
    return tmp_path


def go(place, limit, *words):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), *words], cwd=place, capture_output=True, text=True
    )
    return done.returncode, done.stderr


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
    code, said = go(place, 60, *words)
    assert code == 2, said
    assert said.count("miad: error: ") == 1
    assert "can not be written" in said.splitlines()[-1]
    assert files(place) == before
    assert go(place, 10**9, *words)[0] == 0


@pytest.mark.parametrize("limit", [100, 5000])
def test_an_attack_goes_on_when_there_is_room_again(place, limit):
    save_run(place / "net", 0)
    words = ["attack", "--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0"]
    words += ["--data.test", "4", "--sources", "net", "--search", "random", "--run.name", "a", "--run.wandb", "off"]
    words += ["--no_run.progress", "--run.accelerator", "cpu"]
    code, said = go(place, limit, *words)
    assert code == 2, said
    assert said.count("miad: error: ") == 1
    assert not [path for path in files(place) if "draft" in path.name]
    assert go(place, 10**9, *words) == (0, "")
