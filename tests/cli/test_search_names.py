"""The command line's names of searches are the tables'."""

from pathlib import Path

import pytest

from miad.cli.execute import _SEARCHES, _parser, _shortcuts
from miad.commands.attack import attack
from miad.search import SEARCHES

CONFIGS = Path(__file__).parents[2] / "configs" / "search"


def parsed(search):
    """The strategy that 'miad attack --search' makes of a word."""
    parser = _parser("attack", attack)
    words = ["--data", "Phantom", "--sources", "net", "--run.name", "a", "--search", search]
    return parser.instantiate(parser.parse_args(_shortcuts(words))).search


def test_the_command_line_and_the_tables_know_the_same_searches():
    assert list(_SEARCHES) == list(SEARCHES)
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == set(SEARCHES)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_means_the_same_by_its_name_and_by_its_config(name):
    assert parsed(name) == parsed(str(CONFIGS / f"{name}.yaml")) == SEARCHES[name]


def test_no_two_names_mean_the_same_search():
    assert len({repr(parsed(name)) for name in SEARCHES}) == len(SEARCHES)
