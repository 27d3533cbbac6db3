"""What killed processes left beside a file goes when the file is written again; what others are writing stays."""

import os
import subprocess
import sys

import pytest

from miad.errors import InputError
from miad.imaging import draft_of, remove_drafts_of
from miad.keys import Identity, write_identity

KILLED = """
import os, signal, sys
from pathlib import Path
from miad.imaging import draft_of
for name in sys.argv[1:]:
    draft_of(Path(name)).write_bytes(b"half")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("name", ["a.key", "a[1]*.key", "n" * 250 + ".key"])
def test_only_the_dead_process_s_draft_of_that_file_is_removed(tmp_path, name):
    path, other = tmp_path / name, tmp_path / "b.key"
    subprocess.run([sys.executable, "-c", KILLED, str(path), str(other)], check=False)
    mine = draft_of(path)
    mine.write_bytes(b"being written")
    assert len(list(tmp_path.iterdir())) == 3
    remove_drafts_of(path)
    left = {file.name for file in tmp_path.iterdir()}
    assert mine.name in left
    assert len(left) == 2
    remove_drafts_of(tmp_path / "nowhere" / name)


def test_the_next_grant_or_identity_of_that_name_cleans_up(tmp_path):
    path = tmp_path / "a.key"
    dead = draft_of(path).name.replace(f"-{os.getpid()}-", "-4194305-")  # above the largest number of a process
    (tmp_path / dead).write_bytes(b"half")
    write_identity(path, Identity.generate())
    assert [file.name for file in tmp_path.iterdir()] == ["a.key"]
    (tmp_path / dead).write_bytes(b"half")
    with pytest.raises(InputError, match="never replaced"):
        write_identity(path, Identity.generate())
    assert [file.name for file in tmp_path.iterdir()] == ["a.key"]
