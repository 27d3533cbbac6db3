"""The command line's names of searches are the tables'."""

from pathlib import Path

import pytest

from miad.cli import main
from miad.cli.execute import _parse, _parser, _shortcuts
from miad.cli.words import SEARCH_WORDS
from miad.commands.attack import attack
from miad.search import LEARNED, SEARCHES, DifferentialEvolution, HeuristicEvolution, LearnedPlaces

CONFIGS = Path(__file__).parents[2] / "configs" / "search"


def parsed(*search):
    """The strategy that 'miad attack --search' makes of a word."""
    parser = _parser("attack", attack)
    words = ["--data", "Phantom", "--sources", "net", "--run.name", "a", *search]
    return parser.instantiate(_parse(parser, _shortcuts(words))).search


def test_the_command_line_and_the_tables_know_the_same_searches():
    assert list(SEARCH_WORDS) == list(SEARCHES)
    assert {path.stem for path in CONFIGS.glob("*.yaml")} == set(SEARCHES)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_means_the_same_by_its_name_and_by_its_config(name):
    assert parsed("--search", name) == parsed("--search", str(CONFIGS / f"{name}.yaml")) == SEARCHES[name]


def test_no_two_names_mean_the_same_search():
    assert len({repr(parsed("--search", name)) for name in SEARCHES}) == len(SEARCHES)


def test_without_a_name_options_are_those_of_the_default_search():
    assert parsed() == LEARNED
    assert parsed("--search.population", "7") == LearnedPlaces(population=7)


def test_configs_that_name_a_search_and_that_name_none(tmp_path):
    (tmp_path / "named.yaml").write_text("search: {class_path: DifferentialEvolution, init_args: {weight: 0.5}}\n")
    (tmp_path / "silent.yaml").write_text("batch_size: 7\n")
    assert parsed("--config", str(tmp_path / "named.yaml")) == DifferentialEvolution(weight=0.5)
    assert parsed("--config", str(tmp_path / "silent.yaml")) == LEARNED
    assert parsed("--config", str(tmp_path / "silent.yaml"), "--search.sit", "3") == LearnedPlaces(sit=3)
    assert parsed("--config", str(tmp_path / "named.yaml"), "--search", "he") == HeuristicEvolution()


@pytest.mark.parametrize("words", [("--config={}",), ("--config", "{}"), ("--search={}",)])
def test_every_spelling_starts_from_the_named_search_s_own_defaults(tmp_path, words):
    named = tmp_path / "named.yaml"
    named.write_text("class_path: HeuristicEvolution\n" if "search" in words[0] else "search: HeuristicEvolution\n")
    assert parsed(*(word.format(named) for word in words)) == HeuristicEvolution()
    assert parsed("--search.class_path=HeuristicEvolution", "--search.population=4") == HeuristicEvolution(population=4)


@pytest.mark.parametrize(
    ("text", "expected"), [("batch_size: 7\n", LEARNED), ("search: DifferentialEvolution\n", None)]
)
def test_what_is_printed_loads_back(tmp_path, capsys, text, expected):
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(SystemExit):
        parsed("--config", str(tmp_path / "a.yaml"), "--print_config")
    (tmp_path / "b.yaml").write_text(capsys.readouterr().out)
    assert parsed("--config", str(tmp_path / "b.yaml")) == (expected or DifferentialEvolution())


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--search", "magic"], "--search expects random, grid, he, "),
        (["--search", "he_sitt"], "did you mean he_sit?"),
        (["--data", "Phantom", "--data.sizes", "48"], "--data Phantom has no option sizes; see --data.help Phantom"),
        (["--data", "Table"], "--data Table needs --data.csv"),
        (["--place", "nowhere"], "--place expects one of anywhere, outside, inside, found nowhere"),
    ],
)
def test_a_wrong_choice_is_told_in_the_user_s_words(words, told, capsys):
    with pytest.raises(SystemExit):
        main(["attack", "--data", "Phantom", "--sources", "net", "--run.name", "a", *words])
    assert told in capsys.readouterr().err


def test_a_folder_of_classes_needs_no_more_than_its_name(tmp_path):
    assert _shortcuts(["--data", str(tmp_path)]) == ["--data", "Folder", "--data.root", str(tmp_path)]
