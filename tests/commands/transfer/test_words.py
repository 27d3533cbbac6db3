"""The command line of transfer tables: names, bad words."""

import pytest

from miad.cli import main
from miad.search import SEARCHES

from ..conftest import save_run
from .conftest import a_run, cell_folders, few, names_of, rows

SEARCH_NAMES = ", ".join(SEARCHES)


def test_a_classifier_may_have_nearly_any_name(tmp_path):
    names = ["images", "self"]
    few([save_run(tmp_path / "nets" / name, seed) for seed, name in enumerate(names)], a_run(tmp_path))
    assert {row["target"] for row in rows(tmp_path / "table" / "transfer.csv")} == {"seen", *names}


WORDS = ["evaluate", "transfer", "--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0"]
WORDS += ["--data.test", "9", "--run.name", "a", "--run.wandb", "off", "--no_run.progress", "--run.accelerator", "cpu"]


def call(root, *words):
    with pytest.raises(SystemExit) as stop:
        main([*WORDS, "--run.root", str(root), *map(str, words)])
    return stop.value.code


def test_the_command_line_writes_and_shows_the_tables(nets, tmp_path, capsys):
    words = ["--models", names_of(nets[:3]), "--unseen", nets[3], "--searches", "random", "--per_class", "2"]
    assert call(tmp_path, *words, "--protocols", "leave_one_out,ensemble", "--success", "2") == 0
    table = rows(tmp_path / "a" / "transfer.csv")
    assert {row["sources"] for row in table} == {"all but one", "all but two", "all but three", "all"}
    out = capsys.readouterr().out
    assert "accuracy of the model left out" in out
    tested = [float(row["accuracy_after"]) for row in table if row["sources"] == f"all but {row['target']}"]
    shown = next(line for line in out.partition("model left out,")[2].splitlines() if "random" in line)
    assert [float(cell) for cell in shown.split()[1:4]] == pytest.approx(tested, abs=5e-4, nan_ok=True)
    assert len(rows(cell_folders(tmp_path)[0] / "attack.csv")) == 6


BAD = [
    (
        ["--searches", "random,best"],
        f"expected one or more of {SEARCH_NAMES}, separated by commas, found 'best'",
    ),
    (
        ["--searches", ","],
        f"expected one or more of {SEARCH_NAMES}, separated by commas, found nothing",
    ),
    (["--protocols", "matrx"], "expected one or more of leave_one_out, matrix, ensemble, separated by commas, found"),
    (["--protocols", "ensemble"], "expected --unseen classifiers to test the ensemble of all models on, found none"),
    (["--models", "{one}"], "expected two or more models, found 1; name them in --models, with commas"),
    (["--models", ""], "expected two or more models, found 0; name them in --models, with commas"),
    (["--models", "{one},nowhere"], "nowhere: no such checkpoint"),
    (["--models", "{one},{one}"], "expected every classifier once, found one, one"),
    (["--unseen", "{two}"], "expected every classifier once, found one, two, two"),
    (["--models", "{one},{other}"], "other tells 2 classes apart (glioma, meningioma), the data have 3"),
    (["--unseen", "{other}"], "other tells 2 classes apart (glioma, meningioma), the data have 3"),
    (["--unseen", "{seen}"], "expected a classifier by another name than 'seen', a word of the tables; rename it"),
    (["--unseen", "{all}"], "expected a classifier by another name than 'all', a word of the tables; rename it"),
    (["--success", "0"], "expected success of mean, all, or 1 to 1 sources, found 0"),
    (["--success", "2"], "expected success of mean, all, or 1 to 1 sources, found 2"),
    (["--per_class", "4"], "expected 4 images of every class, found"),
    (["--per_class", "0"], "expected --per_class of at least 1, found 0"),
    (["--split", "train"], "expected images in the split 'train', found none"),
    (["--scale", "0.5"], "expected --scale of at least 1, found 0.5"),
    (["--scale", "20"], "too small"),
    (["--logo", "nothing.png"], "nothing.png"),
    (["--alpha_min", "0"], "alpha_min"),
    (["--images", "0"], "expected --images of at least 1, found 0"),
    (["--batch_size", "0"], "expected --batch_size of at least 1, found 0"),
    (["--weights", "[1, 2]"], "there is no option --weights"),
]


@pytest.fixture(scope="module")
def odd(nets, tmp_path_factory):
    """Folders of classifiers by the names that the bad words have."""
    root = tmp_path_factory.mktemp("odd")
    other = save_run(root / "other", 1, classes=["glioma", "meningioma"])
    return {"one": nets[0], "two": nets[1], "other": other} | {n: save_run(root / n, 1) for n in ("seen", "all")}


@pytest.mark.parametrize(("words", "expected"), BAD, ids=["-".join(words).strip("-") for words, _ in BAD])
def test_a_bad_word_is_refused_in_one_line_before_anything_is_written(odd, tmp_path, capsys, words, expected):
    models = ["--models", "{one},{two}", "--searches", "random"]
    code = call(tmp_path / "runs", *(word.format(**odd) for word in [*models, *words]))
    err = capsys.readouterr().err
    assert code == 2, err
    assert err.startswith("miad: error: "), err
    assert err.count("\n") == 1
    assert expected in err
    assert not (tmp_path / "runs").exists()
