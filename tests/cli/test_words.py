import importlib
import inspect
import subprocess
import sys

import pytest

from miad.cli import main
from miad.cli.words import COMMANDS


def run(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        main(words)
    captured = capsys.readouterr()
    return stop.value.code, captured.out, captured.err


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        (["fit", "clasifier"], "miad fit classifier"),
        (["fitt", "classifier"], "miad fit classifier"),
        (["atack"], "miad attack"),
        (["recver", "--key", "k"], "miad recover"),
        (["test", "classifer"], "miad test classifier"),
    ],
)
def test_a_wrong_word_is_answered_by_the_right_one_in_one_line(capsys, typed, right):
    code, out, err = run(capsys, *typed)
    assert (code, out) == (2, "")
    assert f"did you mean '{right}'?" in err
    assert err.count("\n") == 1


def test_an_option_before_the_command_is_refused(capsys):
    assert run(capsys, "--ensemble", "attack")[0] == 2


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_names_every_command(capsys, words):
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert all(f"miad {name}" in out for name in COMMANDS)


def test_the_overview_begins_with_where_to_begin(capsys):
    lines = run(capsys)[1].splitlines()
    assert "miad demo" in lines[1]
    assert lines[3].split()[:2] == ["miad", "demo"]


def test_a_first_word_alone_shows_its_commands(capsys):
    code, out, _ = run(capsys, "fit")
    assert code == 0
    assert "miad demo" not in out
    assert "miad fit classifier" in out
    assert "miad attack" not in out


@pytest.mark.parametrize("name", COMMANDS)
def test_a_summary_is_its_docstring_s_first_line(name):
    module, function = COMMANDS[name].function.split(":")
    docstring = inspect.getdoc(getattr(importlib.import_module(module), function))
    assert docstring.splitlines()[0] == COMMANDS[name].summary


def test_help_and_mistakes_do_not_import_torch():
    code = "import sys, miad.cli.words as w; w.overview(); w.find_command(['fit']); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_its_options_explained(capsys, name):
    code, out, _ = run(capsys, *name.split(), "--help")
    assert code == 0
    assert f"usage: miad {name}" in out
    assert COMMANDS[name].summary.rstrip(".") in out


@pytest.mark.parametrize(
    ("command", "required"),
    [
        ("attack", "--data DATA --sources SOURCES --run.name NAME"),
        ("recover", "--key KEY --marked MARKED --out OUT"),
        ("keys inspect", ""),
    ],
)
def test_help_begins_with_what_must_be_given(capsys, command, required):
    usage, _, _ = run(capsys, *command.split(), "--help")[1].partition("\n\n")
    assert " ".join(usage.split()) == " ".join(f"usage: miad {command} {required} [options]".split())


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["attack", "--nonsense", "1"], "nonsense"),
        (["attack", "--data", "Tabel"], "found 'Tabel'; did you mean Table?"),
        (["attack", "--data", "no/folder"], "--data expects a folder of images, a CSV file, BTMRI or"),
        (["fit", "classifier", "--data", "Phantom", "--run.name", "x", "--epochs", "many"], "epochs"),
        (["fit", "classifier", "--data", "Phantom", "--run.name", "x", "--epochz", "1"], "did you mean --epochs?"),
        (["fit", "classifier", "--model.no_pretrained", "1"], "did you mean --no_model.pretrained?"),
        (["recover"], "key"),
    ],
)
def test_a_wrong_argument_is_named_in_one_line(capsys, words, expected):
    code, _, err = run(capsys, *words)
    assert code == 2
    assert expected in err
    assert err.count("\n") == 1
