"""A finished run that is started again says so, and what is done again all the same."""

import pytest

from miad.commands.attack import attack
from miad.commands.evaluate import transfer
from miad.commands.finished import check_unfinished, say_finished
from miad.commands.fit import classifier as fit
from miad.commands.run import release_folders
from miad.commands.test import classifier as evaluate
from miad.data import Phantom
from miad.errors import RunError
from miad.search import RandomSearch
from miad.tasks import ClassifierTask

WAY_OUT = "; give another --run.name, or delete the folder to run again"


@pytest.fixture(autouse=True)
def _unlocked():
    yield
    release_folders()


def said(capsys, run):
    """What is said of the run on stderr."""
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith(f"{run.folder} holds")]


def test_only_a_finished_run_is_told(make_run, capsys):
    run = make_run()
    run.folder.mkdir()
    check_unfinished(run.folder)
    say_finished(run, "nothing")
    assert said(capsys, run) == []
    (run.folder / "metrics.csv").touch()
    say_finished(run, "nothing is done again")
    assert said(capsys, run) == [f"{run.folder} holds this run, finished: nothing is done again{WAY_OUT}"]
    run.quiet = True
    say_finished(run, "nothing")
    assert said(capsys, run) == []
    with pytest.raises(RunError) as caught:
        check_unfinished(run.folder)
    assert str(caught.value) == f"{run.folder} holds this run, finished{WAY_OUT}"


def training(run):
    data = Phantom("brain", 32, train=12, val=6, test=0, batch_size=6, augment=False)
    fit(data, ClassifierTask(list(data.classes), "test_resnet", 32), run, epochs=1)


def marking(run, net):
    attack(Phantom("brain", 48, train=0, val=0, test=6), str(net), run, search=RandomSearch())


def table(run, nets):
    data = Phantom("brain", 48, train=0, val=0, test=6)
    transfer(data, ",".join(map(str, nets)), run, protocols="matrix", searches="random")


def test_a_training_says_that_nothing_is_trained(make_run, capsys):
    training(make_run())
    assert said(capsys, make_run()) == []
    training(make_run())
    (line,) = said(capsys, make_run())
    assert "finished: nothing is trained" in line
    assert line.endswith(WAY_OUT)


def test_a_test_says_that_it_is_done_again(make_run, zoo, capsys):
    data = lambda: Phantom("brain", 48, train=0, val=0, test=6)  # noqa: E731
    evaluate(data(), zoo[0], make_run())
    assert said(capsys, make_run()) == []
    evaluate(data(), zoo[0], make_run())
    (line,) = said(capsys, make_run())
    assert "finished: it is tested again" in line
    assert line.endswith(WAY_OUT)


def test_an_attack_is_refused_in_the_same_words(make_run, zoo):
    marking(make_run(), zoo[0])
    with pytest.raises(RunError) as caught:
        marking(make_run(), zoo[0])
    assert str(caught.value) == f"{make_run().folder} holds this run, finished{WAY_OUT}"


def test_a_transfer_table_says_that_only_its_tables_are_made_again(make_run, zoo, capsys):
    table(make_run(), zoo[:2])
    assert said(capsys, make_run()) == []
    table(make_run(), zoo[:2])
    (line,) = said(capsys, make_run())
    assert "finished: its tables are made again" in line
    assert line.endswith(WAY_OUT)
