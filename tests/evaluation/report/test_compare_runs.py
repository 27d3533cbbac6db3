"""Runs side by side: their numbers, which is best, and which settings differ."""

from math import nan

import pytest
import yaml

from miad.errors import InputError
from miad.evaluation.report import compare_runs, write_report

from .folders import ATTACK, FIT, MEASURES, TEST, changed, make_run, row_of, table_of, write_rows
from .reading import Page, body


@pytest.fixture
def attacks(tmp_path):
    """Three attacks: the second searches longer, the third also on another classifier of the same name."""
    searched = changed(ATTACK, run__name="b", search__init_args={"draws": 9})
    other = changed(searched, run__name="c", inputs__weights={"one": "ef" * 32}, ensemble=True)
    better = MEASURES | {"success_rate": 0.75, "queries_mean": 30.0, "accuracy_after/one": 0.25, "psnr": 21.2501}
    return [
        make_run(tmp_path / "a", ATTACK, MEASURES, ["attack.csv"]),
        make_run(tmp_path / "b", searched, better, ["attack.csv"]),
        make_run(tmp_path / "c", other, {**better, "ssim": nan}, ["attack.csv"]),
    ]


def settings(report, name="attack_settings"):
    own = table_of(report, name)
    return {row[0]: row[1:] for row in own.rows}


def test_every_measure_of_every_run_is_there(attacks):
    report = compare_runs(attacks)
    row, _ = row_of(report, "attack_measures", "share succeeded")
    assert (row["a"], row["b"], row["c"]) == (0.25, 0.75, 0.75)
    row, _ = row_of(report, "attack_parts", "accuracy after", "one")
    assert (row["a"], row["b"], row["c"]) == (0.75, 0.25, 0.25)
    shown = sum(len(table.rows) for table in report.tables if table.name in ("attack_measures", "attack_parts"))
    assert shown == len(MEASURES)


def test_the_best_is_marked_whichever_way_is_better(attacks):
    report = compare_runs(attacks)
    assert row_of(report, "attack_measures", "share succeeded")[1] == {"b": "best", "c": "best"}
    assert row_of(report, "attack_measures", "queries, mean")[1] == {"a": "best"}
    assert row_of(report, "attack_parts", "accuracy after", "one")[1] == {"b": "best", "c": "best"}


def test_nothing_is_best_where_all_read_the_same_or_neither_way_is_better(attacks):
    report = compare_runs(attacks)
    assert row_of(report, "attack_measures", "PSNR (dB)")[1] == {}  # 21.25 and 21.2501 read the same
    assert row_of(report, "attack_measures", "images")[1] == {}
    assert row_of(report, "attack_parts", "accuracy before", "one")[1] == {}


def test_what_could_not_be_measured_is_missing(attacks):
    row, marks = row_of(compare_runs(attacks), "attack_measures", "SSIM")
    assert (row["a"], row["b"], row["c"], row["difference"]) == (0.91, 0.91, None, 0.0)
    assert marks == {}


def test_two_runs_have_a_difference_and_more_a_range(attacks):
    two = row_of(compare_runs(attacks[1::-1]), "attack_measures", "queries, mean")[0]
    assert two["difference"] == 9.5 - 30.0
    assert row_of(compare_runs(attacks), "attack_measures", "queries, mean")[0]["difference"] == 20.5


def test_settings_that_differ_are_shown_and_only_those(attacks):
    found = settings(compare_runs(attacks))
    assert found == {
        "search.init_args.draws": ("1", "9", "9"),
        "ensemble": ("false", "false", "true"),
        "inputs.weights.one": (
            "cdcdcdcdcdcd\N{HORIZONTAL ELLIPSIS}",
            "cdcdcdcdcdcd\N{HORIZONTAL ELLIPSIS}",
            "efefefefefef\N{HORIZONTAL ELLIPSIS}",
        ),
    }
    marks = table_of(compare_runs(attacks), "attack_settings").marks
    assert set(marks) == {(0, 2), (0, 3), (1, 3), (2, 3)}
    assert set(marks.values()) == {"differs"}


def test_a_setting_that_one_run_lacks_is_no_missing_number(tmp_path):
    lacking = changed(ATTACK)
    del lacking["budget"]
    runs = [make_run(tmp_path / "a", ATTACK, MEASURES), make_run(tmp_path / "b", lacking, MEASURES)]
    assert settings(compare_runs(runs)) == {"budget": ("null", "\N{EN DASH}")}


def test_equal_settings_are_said_to_be(tmp_path):
    runs = [make_run(tmp_path / name, changed(ATTACK, run__name=name), MEASURES) for name in "ab"]
    report = compare_runs(runs)
    assert not [table for table in report.tables if table.name.endswith("settings")]
    assert "All settings are the same." in [word for section in report.sections for word in section.words]


def test_classifiers_of_one_name_that_differ_are_told(attacks):
    words = [word for section in compare_runs(attacks).sections for word in section.words]
    assert "Networks of one name that are not the same in all runs: one." in words
    words = [word for section in compare_runs(attacks[:2]).sections for word in section.words]
    assert not any("one name" in word for word in words)


def test_the_summary_names_best_and_worst(attacks):
    summary = " ".join(compare_runs(attacks[:2]).summary)
    assert "Attack: 2 runs (a, b). All of them measured on the same images." in summary
    assert "Share succeeded: best 0.750 (b), worst 0.250 (a)." in summary


@pytest.mark.parametrize(
    ("count", "said"), [(8, "8 runs (r0, r1, r2, r3, r4, r5, r6, r7)."), (9, "9 runs (r0, r1, r2 and 6 others).")]
)
def test_the_summary_names_the_first_of_many_runs_and_no_best_of_equals(tmp_path, count, said):
    report = compare_runs([make_run(tmp_path / f"r{number}", ATTACK, MEASURES) for number in range(count)])
    assert f"Attack: {said} " in report.summary[0]
    assert not any("best 0" in line for line in report.summary)


def test_runs_of_different_images_are_compared_but_not_ranked(tmp_path, attacks):
    config = changed(ATTACK, inputs__images="99" * 32, data__init_args__kind="fundus")
    report = compare_runs([*attacks, make_run(tmp_path / "other", config, MEASURES, ["attack.csv"])])
    assert "different images" in report.summary[0]
    assert not [mark for table in report.tables for mark in table.marks.values() if mark == "best"]
    assert row_of(report, "attack_measures", "share succeeded")[0]["other"] == 0.25
    words = [word for section in report.sections for word in section.words]
    assert "The same images: a and b and c. Compare them alone to see which is best." in words
    assert not any("best 0" in line for line in report.summary)


def test_one_data_set_at_two_sizes_is_ranked_and_said(tmp_path):
    small = changed(FIT, data__init_args__size=32, model__size=32)
    large = changed(small, data__init_args__size=64, inputs__val="45" * 32)
    score = {"val/accuracy": 0.5}
    runs = [make_run(tmp_path / "s", small, score), make_run(tmp_path / "l", large, {"val/accuracy": 0.75})]
    report = compare_runs(runs)
    assert "at different sizes" in report.summary[0]
    assert row_of(report, "fit_classifier_measures", "accuracy")[1] == {"l": "best"}


def test_other_images_of_one_data_set_are_different(tmp_path):
    """The same settings, other pixels: files have changed between the runs."""
    runs = [make_run(tmp_path / "a", ATTACK, MEASURES)]
    runs.append(make_run(tmp_path / "b", changed(ATTACK, inputs__images="77" * 32), MEASURES))
    assert "different images" in compare_runs(runs).summary[0]


def test_tests_keep_no_digest_so_their_data_set_tells(tmp_path):
    score = {"test/accuracy": 0.5}
    runs = [make_run(tmp_path / name, TEST, score, ["roc.csv"]) for name in "ab"]
    assert "the same images" in compare_runs(runs).summary[0]
    other = make_run(tmp_path / "c", changed(TEST, data__init_args__seed=7), score, ["roc.csv"])
    assert "different images" in compare_runs([runs[0], other]).summary[0]


def test_runs_that_tell_nothing_of_their_images_are_not_ranked(tmp_path):
    runs = [make_run(tmp_path / "a", {"inputs": {}}, {"test/accuracy": 0.5})]
    runs.append(make_run(tmp_path / "b", {"inputs": {}}, {"test/accuracy": 0.75}))
    report = compare_runs(runs)
    assert "is not known" in report.summary[0]
    assert row_of(report, "test_classifier_measures", "accuracy")[1] == {}


@pytest.mark.parametrize(
    ("config", "measures", "files", "command"),
    [
        (ATTACK, MEASURES, ["attack.csv"], "attack"),
        (ATTACK, None, [], "attack"),
        ({"models": "a,b", "protocols": "matrix", "inputs": {}}, {}, [], "evaluate transfer"),
        ({"inputs": {}}, {"accuracy_after/he/all but a/a": 0.5}, ["transfer.csv"], "evaluate transfer"),
        ({"inputs": {}}, {}, ["removal.csv", "removal_images.csv"], "evaluate removal"),
        ({"inputs": {}}, {"test/psnr_inside": 20.0}, ["removal.csv"], "test remover"),
        (FIT, None, [], "fit classifier"),
        ({"model": {"encoder": "resnet18"}}, {"val/dice": 0.5}, [], "fit segmenter"),
        ({"inputs": {}}, {"val/dice/exudates": 0.5}, [], "fit segmenter"),
        ({"model": {"network": "wdnet"}, "stage": "pretrain"}, None, [], "fit remover"),
        (TEST, {"test/accuracy": 0.5}, ["roc.csv"], "test classifier"),
        (TEST, {"test/dice": 0.5}, ["segmentation.csv"], "test segmenter"),
        ({"inputs": {}}, {"something": 1.0}, [], "unknown command"),
    ],
)
def test_which_command_made_a_run(tmp_path, config, measures, files, command):
    runs = [make_run(tmp_path / name, config, measures, files) for name in "ab"]
    assert {row[1] for row in table_of(compare_runs(runs), "runs").rows} == {command}


def test_mixed_runs_are_grouped(tmp_path, attacks):
    fits = [make_run(tmp_path / name, FIT, {"val/accuracy": 0.5}) for name in ("f", "g")]
    removal = make_run(tmp_path / "r", {"inputs": {}}, {"accuracy/none/nothing": 0.5}, ["removal_images.csv"])
    report = compare_runs([attacks[0], fits[0], attacks[1], removal, fits[1]])
    titles = [section.title for section in report.sections]
    assert titles == [
        "Attack: pictures",
        "Attack: measures",
        "Attack: settings that differ",
        "Fit classifier: measures",
        "Fit classifier: settings that differ",
        "Evaluate removal: pictures",
        "Evaluate removal: measures",
        "Machine and time",
        "Runs",
    ]
    assert [column.name for column in table_of(report, "attack_measures").columns] == [
        "measure",
        "better",
        "a",
        "b",
        "difference",
    ]
    assert "Evaluate removal: only r; nothing of its kind to compare it with." in report.summary


def test_runs_of_one_name_are_told_apart_by_their_folders(tmp_path):
    runs = [make_run(tmp_path / root / "net", FIT, {"val/accuracy": 0.5}) for root in ("x", "y")]
    runs.append(make_run(tmp_path / "y" / "own", FIT, {"val/accuracy": 0.5}))
    assert [row[0] for row in table_of(compare_runs(runs), "runs").rows] == ["x/net", "y/net", "own"]


def test_a_run_named_twice_counts_once(attacks):
    report = compare_runs([attacks[0], attacks[1], attacks[0].parent / "." / "a"])
    assert len(table_of(report, "runs").rows) == 2
    with pytest.raises(InputError, match="two or more runs to compare, found 1"):
        compare_runs([attacks[0], attacks[0]])


def test_long_matrices_are_cut_by_measure(tmp_path):
    names = [
        f"{measure}/{case}/{adversary}"
        for measure in ("accuracy", "psnr_inside")
        for case in ("none", "noise")
        for adversary in "abcdefghi"
    ]
    runs = [
        make_run(
            tmp_path / name,
            {"inputs": {"images": "ab"}},
            {n: float(i + k) for k, n in enumerate(names)},
            ["removal_images.csv"],
        )
        for i, name in enumerate("xy")
    ]
    report = compare_runs(runs)
    tables = [table for table in report.tables if table.name != "runs"]
    assert [(table.name, len(table.rows)) for table in tables] == [
        ("evaluate_removal_accuracy", 18),
        ("evaluate_removal_psnr_inside", 18),
    ]
    entries, marks = row_of(report, "evaluate_removal_accuracy", "accuracy", "none, a")
    assert (entries["x"], entries["y"], marks) == (0.0, 1.0, {"x": "best"})  # a mark withstands if little is read


def test_what_nobody_removed_is_not_ranked(tmp_path):
    runs = [
        make_run(
            tmp_path / name,
            {"inputs": {"images": "ab"}},
            {f"accuracy/none/{by}": value for by in ("nothing", "exact", "wdnet")},
            ["removal_images.csv"],
        )
        for name, value in (("x", 0.5), ("y", 0.75))
    ]
    report = compare_runs(runs)
    assert [
        row_of(report, "evaluate_removal_parts", "accuracy", f"none, {by}")[1] for by in ("nothing", "exact", "wdnet")
    ] == [{}, {}, {"x": "best"}]


def log(folder, version, rows):
    header = ("epoch", "step", "train/loss", "val/accuracy", "val/loss")
    write_rows(folder / "logs" / f"version_{version}" / "metrics.csv", header, rows)


def test_curves_join_the_starts_of_a_run_and_leave_the_closing_test_out(tmp_path):
    from miad.evaluation.report.run_curves import score_curves
    from miad.evaluation.report.run_folder import read_run

    folder = make_run(tmp_path / "f", FIT, {"val/accuracy": 0.75})
    log(folder, 0, [(0, 0, 0.9, "", ""), (0, 1, "", 0.25, 2.0), (1, 2, "", 0.5, 1.0)])  # killed
    log(folder, 10, [(2, 4, "", 0.625, 0.25), (3, 5, "", 0.75, 0.5), ("", 0, "", 0.75, 0.5)])
    log(folder, 2, [(1, 2, "", 0.75, 0.5), (2, 3, "", 0.5, 0.75)])  # epoch 1 once more, then killed
    curves = score_curves(read_run(folder, "f"))
    assert curves == {
        "val/accuracy": ([1.0, 2.0, 3.0], [0.25, 0.75, 0.625]),
        "val/loss": ([1.0, 2.0, 3.0], [2.0, 0.5, 0.25]),
    }


def test_training_and_roc_are_drawn_with_words(tmp_path):
    fits = [make_run(tmp_path / name, FIT, {"val/accuracy": 0.5}) for name in ("f", "g")]
    log(fits[0], 0, [(0, 1, "", 0.25, 2.0), (1, 2, "", 0.5, 1.0)])
    tests = [make_run(tmp_path / name, TEST, {"test/accuracy": 0.5}) for name in ("s", "t")]
    for folder in tests:
        points = [("glioma", 0, 0, 1), ("glioma", 0, 1, 0.5), ("glioma", 1, 1, 0)]
        write_rows(folder / "roc.csv", ("class", "false_positive_rate", "true_positive_rate", "threshold"), points)
    figures = {figure.name: figure for figure in compare_runs([*fits, *tests]).figures}
    assert set(figures) == {"fit_classifier_val_accuracy", "fit_classifier_val_loss", "roc"}
    assert "f ends at 0.500 after 2 epochs" in figures["fit_classifier_val_accuracy"].text
    assert "glioma" in figures["roc"].text


def test_attacks_are_drawn_with_their_numbers_as_words(attacks):
    figures = {figure.name: figure for figure in compare_runs(attacks).figures}
    assert "one: a from 1.000 to 0.750, b from 1.000 to 0.250" in figures["attack_accuracy"].text
    glance = figures["attack_at_a_glance"].text
    assert "queries, mean: a 9.5, b 30.0" in glance
    assert "SSIM: a 0.910, b 0.910, c missing" in glance


def test_transfer_is_drawn_as_the_mean_over_those_left_out(tmp_path):
    score = {
        "accuracy_after/he/all but a/a": 0.25,
        "accuracy_after/he/all but b/b": 0.75,
        "accuracy_after/he/all but a/b": 0.0,
    }
    runs = [make_run(tmp_path / name, {"inputs": {}}, score, ["transfer.csv"]) for name in "xy"]
    assert "he: x 0.500, y 0.500" in compare_runs(runs).figures[0].text


def test_the_page_shows_it_and_is_the_same_each_time(attacks, tmp_path):
    report = compare_runs(attacks)
    page = write_report(report, tmp_path / "out")
    again = write_report(compare_runs(attacks), tmp_path / "again")
    assert page.read_bytes() == again.read_bytes()
    read = Page(page.read_text())
    shown = next(table for table in read.tables if table["caption"].endswith("Measures"))
    assert ["share succeeded", "higher", "0.250", "0.750", "0.750", "0.500"] in body(shown)
    assert ["SSIM", "higher", "0.910", "0.910", "missing", "0.000"] in body(shown)


def test_the_shared_configuration_is_not_touched(attacks):
    compare_runs(attacks)
    assert yaml.safe_load((attacks[0] / "config.yaml").read_text()) == ATTACK
