"""A paper's tables on the phantom, against the cells that they are made of; what is resumed, missing and refused."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

import miad.commands.cell_runner as runner_module
import miad.commands.removal_run as removal_module
from miad.cli import main
from miad.commands.evaluate import transfer
from miad.commands.experiment import Experiment, MarkSettings, Sizes
from miad.commands.recovery_study import take_off
from miad.commands.report import report
from miad.data import DrawnMark, Phantom
from miad.errors import InputError
from miad.imaging import read_image
from miad.keys import open_key
from miad.measures import psnr
from miad.models import load_classifier
from miad.vaccine import VaccineOptions
from miad.watermark import load_logo, render
from miad.watermark.variant import PLAIN

from ..conftest import keep_reports
from .conftest import measures, quiet, read, save_remover, tree

NAMES = ("One", "Two")
SWEEPS = {"fig6a/scale": [2, 3], "fig6a/threshold": [190], "fig6a/position_rate": [0.005]}
ONLY = "fig2b,fig2c,fig3,fig4,fig5,fig6a,fig7,fig8b,fig9"


def some_data():
    return Phantom("brain", 48, train=9, val=0, test=24)


@pytest.fixture(scope="module")
def removers(tmp_path_factory):
    root = tmp_path_factory.mktemp("removers")
    return {"WDNet": save_remover(root / "wdnet", "wdnet", 4), "SplitNet": save_remover(root / "bvmr", "bvmr", 2)}


@pytest.fixture(scope="module")
def make(zoo, removers):
    """A function that makes a small experiment."""

    def experiment(name="phantom", **options):
        own = {
            "name": name,
            "paper": "miad",
            "data": some_data(),
            "models": dict(zip(NAMES, zoo, strict=False)),
            "dataset": "BTMRI",
            "removers": removers,
            "searches": ["random", "he_sit"],
            "vaccine": VaccineOptions(steps=2, step=4.0),
            "logos": ["emblem", "crest"],
            "sweeps": SWEEPS,
            "sizes": Sizes(per_class=4, sweep_per_class=2, removal=2, pictures=2),
        }
        return Experiment(**own | options)

    return experiment


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Patches the writer of pages so that the reports which it gets are kept, for the whole module."""
    with pytest.MonkeyPatch.context() as patch:
        yield keep_reports(patch)


@pytest.fixture(scope="module")
def finished(make, kept, tmp_path_factory):
    """The root and the report of one undisturbed experiment, shared by the tests that only read it."""
    root = tmp_path_factory.mktemp("report")
    report(make(), ONLY, root=root, accelerator="cpu", progress=False)
    return root, kept[-1]


@pytest.fixture
def again(make, kept):
    """A function that reports again, and gives the report."""

    def call(root, only=ONLY, compute=True, **options):
        report(make(**options), only, compute, root=root, accelerator="cpu", progress=False)
        return kept[-1]

    return call


def table(document, name):
    blocks = [block for part in document.sections for block in part.blocks]
    (own,) = [block for block in blocks if block.name == name and hasattr(block, "rows")]
    names = [column.name for column in own.columns]
    return [dict(zip(names, row, strict=True)) for row in own.rows]


def figure_names(document):
    return [block.name for part in document.sections for block in part.blocks if hasattr(block, "data")]


def cell_files(root):
    return {path: path.stat().st_mtime_ns for path in sorted((root / "cells").rglob("*")) if path.is_file()}


def cell_of(root, document, title):
    (line,) = [line for line in table(document, "cells") if line["cell"] == title]
    return root / "cells" / line["folder"]


def test_every_cell_is_computed_once_and_none_is_missing(finished):
    root, document = finished
    states = table(document, "cells")
    assert {line["state"] for line in states} == {"computed"}
    folders = [path.name for path in (root / "cells").iterdir() if not path.name.startswith("originals")]
    assert sorted(line["folder"] for line in states) == sorted(folders)
    assert all(line["seconds"] > 0 for line in states)


def test_accuracies_are_those_of_the_cells_own_files(finished):
    root, document = finished
    for line in table(document, "fig2b"):
        if line["model"] in NAMES:
            own = measures(cell_of(root, document, f"attack: {line['search']} on {line['model']}"))
            for name in ("accuracy_before", "accuracy_after"):
                assert line[name] == pytest.approx(own[f"{name}/{line['model']}"], abs=1e-6)
            for name in ("queries_mean", "queries_median", "ssim", "psnr"):
                assert line[name] == pytest.approx(own[name])
            assert line["images"] == own["attacked"]


def test_removals_are_those_of_the_cells_own_files(finished):
    root, document = finished
    told = {(line["model"], line["remover"]): line for line in table(document, "fig5c")}
    for model in NAMES:
        for remover in ("WDNet", "SplitNet"):
            titles = {
                "without": f"removal with none before the mark; attack: he_sit on {model}",
                "with": f"removal with delta_d of {remover} before the mark; attack: he_sit on {model}",
                "with_anew": f"removal; attack: he_sit on {model}, delta_d of {remover}",
            }
            for setting, title in titles.items():
                rows = read(cell_of(root, document, title) / "removal.csv")
                own = {row["removed_by"]: float(row[f"accuracy/{model}"]) for row in rows}
                assert told[model, remover][f"accuracy_{setting}"] == own[remover]
                assert told[model, remover][f"accuracy_marked_{setting}"] == own["nothing"]
    quality = {(line["vaccine"], line["remover"]): line for line in table(document, "fig5b")}
    folder = cell_of(root, document, "removal with none before the mark; attack: he_sit on One")
    for row in read(folder / "removal.csv"):
        for name in ("psnr", "ssim", "rmse", "psnr_protected"):
            assert quality["without", row["removed_by"]][name] == float(row[name])
    assert quality["without", "exact"]["rmse"] == 0


def test_what_the_key_gives_back_is_measured_on_the_files(finished, zoo):
    root, document = finished
    told = {line["kind"]: line for line in table(document, "fig4b")}
    assert (told["recovered"]["equal"], told["recovered"]["psnr"], told["recovered"]["ssim"]) == (1, "infinite", 1)
    assert told["original"]["accuracy"] == told["recovered"]["accuracy"] == 1
    assert told["marked"]["paper_accuracy"] == 0.3607
    attack = cell_of(root, document, "attack: he_sit on One, delta_d of WDNet")
    dataset, errors = some_data().split("test"), []
    with open_key(next(attack.glob("*.miadkey"))) as key:
        for record in key.records.values():
            if (attack / "marked" / record.file).name in attacked(attack):
                original = dataset.pixels(dataset.ids.index(record.image))
                errors.append(psnr(read_image(attack / "marked" / record.file), original))
    assert told["marked"]["psnr"] == pytest.approx(np.mean(errors))
    # Delta remains, at most 8 levels, and what rounding lost.
    assert 20 * np.log10(255 / 11) < told["mark taken off"]["psnr"] < 45
    assert told["marked"]["psnr"] < told["mark taken off"]["psnr"]
    assert load_classifier(zoo[0] / "checkpoints" / "best.ckpt").classes


def attacked(folder):
    rows = [row for row in read(folder / "attack.csv") if row["status"] in ("success", "failed")]
    return {Path(row["image"]).with_suffix(".png").name for row in rows}


@pytest.mark.parametrize("grey", [True, False])
@pytest.mark.parametrize("alpha", [60, 200])
def test_inverse_blending_errs_by_no_more_than_rounding(grey, alpha):
    generator = np.random.default_rng(0)
    host = generator.integers(0, 256, (40, 60) if grey else (40, 60, 3), dtype=np.uint8)
    mark = DrawnMark(render(load_logo("emblem"), PLAIN, (40, 60), 2.0, grey=grey, mode="soft"), 5, 7, alpha)
    opacity, colours = (plane.numpy().transpose(1, 2, 0).astype(float) for plane in mark.planes((40, 60)))
    opacity, colours = (opacity[..., 0], colours[..., 0]) if grey else (opacity, colours)
    marked = np.rint((opacity * colours + (255 - opacity) * host) / 255).astype(np.uint8)
    bound = np.broadcast_to(0.5 * 255 / (255 - opacity) + 0.5, host.shape)
    assert (np.abs(take_off(marked, mark).astype(float) - host) <= bound + 1e-9).all()
    assert (marked != host).any()


def test_figures_are_there_and_told_in_words(finished):
    _, document = finished
    names = figure_names(document)
    expected = {"gallery", "fig2b_chart", "fig3_chart", "fig4c", "fig5a", "fig5c_chart", "fig6a_chart", "fig9"}
    assert expected <= set(names)
    blocks = [block for part in document.sections for block in part.blocks]
    assert len({block.name for block in blocks}) == len(blocks)
    for block in blocks:
        if hasattr(block, "data"):
            assert block.data[:4] in (b"\x89PNG", b"<?xm")
            assert block.text


def test_the_facts_tell_settings_versions_and_time(finished):
    _, document = finished
    for name in ("images of every class", "seeds", "miad", "torch", "other packages", "processor", "time of all cells"):
        assert document.facts[name]
    assert str(Path.home()) not in " ".join(document.facts.values())


def test_a_second_call_computes_nothing_and_says_the_same(finished, again):
    root, document = finished
    before = cell_files(root)
    second = again(root)
    assert cell_files(root) == before
    assert {line["state"] for line in table(second, "cells")} == {"re-used"}
    for part, other in zip(document.sections[:-1], second.sections[:-1], strict=True):
        assert other == part


def test_a_killed_report_goes_on_where_it_stopped(finished, again, tmp_path, monkeypatch):
    root, _ = finished
    original, done = removal_module.RemovalStudy.judge, []

    def stop(self, *arguments):
        done.append(1)
        if len(done) > 3:
            raise KeyboardInterrupt
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(removal_module.RemovalStudy, "judge", stop)
        with pytest.raises(KeyboardInterrupt):
            again(tmp_path, "fig5b")
    before = cell_files(tmp_path)
    finished_before = {path.parent for path in before if path.name == "metrics.csv"}
    assert finished_before
    document = again(tmp_path, "fig5b")
    after = cell_files(tmp_path)
    for path, changed in before.items():
        if any(folder in path.parents for folder in finished_before):
            assert after[path] == changed
    assert {line["state"] for line in table(document, "cells")} == {"computed", "re-used"}
    for folder in (tmp_path / "cells").iterdir():
        undisturbed, found = tree(root / "cells" / folder.name), tree(folder)
        undisturbed.pop("seconds.json", None)
        found.pop("seconds.json", None)
        assert found == undisturbed


def test_a_cell_that_fails_is_missing_and_the_report_says_why(finished, again, tmp_path, monkeypatch, capsys):
    shutil.copytree(finished[0] / "cells", tmp_path / "cells")
    shutil.rmtree(cell_of(tmp_path, finished[1], "removal with none before the mark; attack: he_sit on Two"))

    def fail(*arguments, **options):
        raise RuntimeError("the device\nis gone")

    monkeypatch.setattr(runner_module, "carry_out", fail)
    document = again(tmp_path, "fig5c")
    told = {(line["model"], line["remover"]): line for line in table(document, "fig5c")}
    assert told["Two", "WDNet"]["accuracy_without"] is None
    assert told["Two", "WDNet"]["accuracy_with"] is not None
    assert told["One", "WDNet"]["accuracy_without"] is not None
    assert told["mean", "all"]["accuracy_without"] is None
    (section,) = [part for part in document.sections if part.title.startswith("Figure 5c")]
    assert any("Missing (RuntimeError: the device is gone): removal with none" in words for words in section.words)
    assert "1 of " in capsys.readouterr().err
    whole = again(tmp_path, "fig5c", compute=False)
    assert any("not computed yet" in words for part in whole.sections for words in part.words)


def test_without_computing_nothing_is_written_and_all_is_missing(again, tmp_path):
    document = again(tmp_path, "fig2b", compute=False)
    assert not (tmp_path / "cells").exists()
    ours = [line for line in table(document, "fig2b") if line["model"] in NAMES]
    assert {line["accuracy_after"] for line in ours} == {None}
    assert table(document, "fig2b")[-3]["paper_accuracy_after"] == 0.3182


def test_another_size_or_delta_makes_other_cells_and_another_name_does_not(finished, again, tmp_path):
    root, _ = finished
    shutil.copytree(root / "cells", tmp_path / "cells")
    names = {path.name for path in (tmp_path / "cells").iterdir()}
    again(tmp_path, "fig5b", name="other")
    assert {path.name for path in (tmp_path / "cells").iterdir()} == names
    again(tmp_path, "fig5b", vaccine=VaccineOptions(steps=1))
    new = {path.name for path in (tmp_path / "cells").iterdir()} - names
    expected = {f"removal-One-delta_d-{remover}-before" for remover in ("WDNet", "SplitNet")}
    assert {name.rpartition("-")[0] for name in new} == expected | {"he_sit-One", "removal-One-own-before"}


def test_cells_are_shared_with_the_transfer_table(zoo, make, again, tmp_path):
    models = {path.name: path for path in zoo[:2]}
    options = {"protocols": "leave_one_out", "searches": "random", "per_class": 4, "cells": tmp_path / "cells"}
    run = quiet("table", tmp_path, seed=2023)
    transfer(some_data(), ",".join(map(str, models.values())), run, **options)
    names = {path.name for path in (tmp_path / "cells").iterdir()}
    document = again(tmp_path, "fig2b", models=models, searches=["random"])
    assert {path.name for path in (tmp_path / "cells").iterdir()} == names
    assert {line["state"] for line in table(document, "cells")} == {"re-used"}


def test_several_seeds_are_averaged(again, tmp_path):
    sizes = {"per_class": 2, "pictures": 0}
    singles = [again(tmp_path, "fig2b", sizes=Sizes(**sizes, seeds=[seed]), searches=["random"]) for seed in (1, 2)]
    both = again(tmp_path, "fig2b", sizes=Sizes(**sizes, seeds=[1, 2]), searches=["random"])
    for first, second, line in zip(*(table(one, "fig2b") for one in (*singles, both)), strict=True):
        values = [first["psnr"], second["psnr"]]
        assert line["psnr"] == (None if None in values else pytest.approx(np.mean(values)))


def test_without_pictures_no_original_enters_the_report(again, tmp_path):
    document = again(tmp_path, "fig2,fig5a,fig9", sizes=Sizes(per_class=2, removal=1, pictures=0))
    assert set(figure_names(document)) == {"fig2b_chart", "fig2c_chart"}
    shown = again(tmp_path, "fig9", sizes=Sizes(per_class=2, removal=1, pictures=1))
    assert set(figure_names(shown)) == {"fig9"}  # of the same cells


BAD = [
    ({"only": "fig22"}, r"found 'fig22'; did you mean fig2\w\?"),
    ({"main": "Onee"}, r"expected main of One, Two, found 'Onee'; did you mean One\?"),
    ({"searches": ["he_sid"]}, r"found 'he_sid'; did you mean he_sit\?"),
    ({"sweeps": {"fig6a/scal": [2]}}, r"found 'fig6a/scal'; did you mean fig6a/scale\?"),
    ({"dataset": "BTMR"}, r"found 'BTMR'; did you mean BTMRI\?"),
    ({"healthy": "glyoma"}, r"found 'glyoma'; did you mean glioma\?"),
    ({"name": "a/b"}, "expected a plain name for the experiment, found 'a/b'"),
    ({"models": {}}, "expected one or more models, found none"),
    ({"models": {"a+b": Path("x")}}, r"found 'a\+b'"),
    ({"removers": {"One": Path("x")}}, "expected different names for models and removers, found One in both"),
    ({"models": {"One": Path("nowhere")}}, "nowhere: no such checkpoint"),
    ({"removers": {"WDNet": Path("nowhere")}}, "nowhere"),
]


@pytest.mark.parametrize(("options", "message"), BAD, ids=[str(options) for options, _ in BAD])
def test_a_wrong_name_is_refused_with_the_nearest_before_anything_is_written(again, tmp_path, options, message):
    with pytest.raises(InputError, match=message) as error:
        again(tmp_path, **{"only": "fig2b"} | options)
    assert "\n" not in str(error.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", [{"per_class": 0}, {"removal": 0}, {"pictures": -1}, {"seeds": []}, {"seeds": [1, 1]}])
def test_sizes_of_nothing_are_refused(size):
    with pytest.raises(InputError, match="found"):
        Sizes(**size)


def test_opacities_out_of_order_are_refused_at_once():
    with pytest.raises(InputError, match="expected alpha_max of at least 200, found 100"):
        MarkSettings(alpha_min=200, alpha_max=100)


def call(*words):
    with pytest.raises(SystemExit) as stop:
        main(["report", *map(str, words)])
    return stop.value.code


def test_the_command_line_takes_a_file_and_changes_of_it(zoo, kept, tmp_path, capsys):
    data = {"class_path": "Phantom", "init_args": {"size": 48, "train": 0, "val": 0, "test": 9}}
    told = {"name": "a", "paper": "miad", "data": data, "models": {"One": str(zoo[0])}, "searches": ["random"]}
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump(told))
    words = ["--experiment", path, "--root", tmp_path, "--accelerator", "cpu", "--no_progress", "--only", "fig2"]
    assert call(*words, "--experiment.sizes.per_class", 1) == 0
    assert kept[-1].facts["images of every class"] == "1"
    words_of = [words for section in kept[-1].sections for words in section.words]
    assert "Left out: it leaves one model out, and there is only one." in words_of
    *summary, page = capsys.readouterr().out.splitlines()
    assert page.endswith("report.html")
    assert any(re.fullmatch(r"(\d+) of \1 cells are computed\.", line) for line in summary)
    assert call(*words, "--experiment.main", "Won") == 2
    assert "did you mean One?" in capsys.readouterr().err
    path.write_text(yaml.safe_dump({**told, "protocols": ["fig22"]}))
    assert call(*words[:-2]) == 2
    assert "found 'fig22'; did you mean fig2" in capsys.readouterr().err
    path.write_text(yaml.safe_dump(told))
    assert call("--root", tmp_path) == 2
    assert "expected --experiment FILE" in capsys.readouterr().err
    assert call("--experiment", tmp_path / "b.yaml") == 2
    assert f"expected a YAML file, found no readable file {tmp_path / 'b.yaml'};" in capsys.readouterr().err
    path.write_text(yaml.safe_dump({**told, "data": {"class_path": "BTMRI", "init_args": {"root": str(tmp_path)}}}))
    assert call(*words) == 2
    assert capsys.readouterr().err.count("\n") == 1
