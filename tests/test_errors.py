"""Messages make sense to who calls from Python and to who types on the command line."""

import ast
import pickle
import re

import pytest

from miad.errors import InputError, OptionError, check_at_least, check_positive, check_share
from tests.test_layers import LAYERS, ROOT

OPTION = re.compile(r"(?<![\w-])--[a-z]")
COMMAND = re.compile(r"'miad [^']*'")


def messages(path):
    """Every text in what a file raises."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Raise):
            yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Constant))


def library():
    """The files that Python programs reach without the command line."""
    for name in LAYERS[: LAYERS.index("commands")]:
        place = ROOT / name
        yield from place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]


def test_messages_of_the_library_name_no_option_as_it_is_typed():
    files = list(library())
    assert len(files) > 100
    texts = [(path.name, text) for path in files for text in messages(path) if isinstance(text, str)]
    assert len(texts) > 200
    assert [(name, text) for name, text in texts if OPTION.search(COMMAND.sub("", text))] == []


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda: check_at_least(1, images=0), "expected images of at least 1, found 0"),
        (lambda: check_share(margin=1.5), "expected margin between 0 and 1, found 1.5"),
        (lambda: check_positive(lr=float("nan")), "expected lr above 0, found nan"),
    ],
)
def test_a_number_out_of_its_range_is_named_as_it_is_called(check, message):
    with pytest.raises(OptionError) as caught:
        check()
    assert str(caught.value) == message
    assert isinstance(caught.value, InputError)
    assert caught.value.naming("--run.it") == message.replace(message.split()[1], "--run.it", 1)


def test_an_option_error_passes_between_processes():
    error = OptionError("eps", "of at least 1", 0, "take none")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.naming("--eps")) == (str(error), "expected --eps of at least 1, found 0; take none")
