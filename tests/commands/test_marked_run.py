"""The marks of an attack are read by whoever its key opens for."""

import pytest

from miad.cli import main
from miad.commands.attack import attack
from miad.commands.marked_run import open_marked_run
from miad.commands.run_key import KeyOptions
from miad.errors import InputError
from miad.keys import Identity, write_identity
from miad.search import RandomSearch

from .conftest import quiet


def test_a_grant_opens_the_marks_of_an_attack_for_others(zoo, phantom, tmp_path, capsys):
    alice = Identity.generate()
    write_identity(tmp_path / "alice.key", alice)
    run = quiet("run", tmp_path)
    attack(phantom(), str(zoo[0]), run, search=RandomSearch(), key=KeyOptions(alice.recipient))
    with pytest.raises(InputError, match="is encrypted"):
        open_marked_run(run.folder)
    marks = open_marked_run(run.folder, None, tmp_path / "alice.key", run.folder / "run.miadgrant")
    assert len(marks.marks) == len(phantom().split("test"))
    with pytest.raises(SystemExit):
        main(["evaluate", "removal", "--help"])
    said = capsys.readouterr().out
    assert all(f"--{option}" in said for option in ("grant", "identity", "passphrase_file"))
