import csv
import json
import math
import os
import signal
import subprocess
import sys
import time
from collections import Counter

import numpy as np
import pytest
import torch

from miad.cli import main
from miad.commands.attack import attack
from miad.commands.run import Run
from miad.data import Phantom, choose_images
from miad.errors import InputError, RunError
from miad.imaging import read_image, to_tensor
from miad.keys import open_key, recover_folder
from miad.search import HeuristicEvolution, Pool, RandomSearch, Stop
from miad.targets import Ensemble, load_target
from miad.tasks import AttackTask, MarkOptions
from miad.watermark import load_logo

from .conftest import going_down_half_way, save_run, tree

SEARCHES = {"random": RandomSearch(), "he": HeuristicEvolution(), "he_sit": HeuristicEvolution(sit=1, catalogue=4)}


def rows(folder):
    with (folder / "attack.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def finished(zoo, tmp_path_factory):
    """One undisturbed ensemble run, shared by the tests that only read it."""
    data = Phantom("brain", 48, train=0, val=0, test=20)
    run = Run("run", tmp_path_factory.mktemp("done"), accelerator="cpu", wandb="off", progress=False)
    sources = f"{zoo[0]},{zoo[1]}"
    measures = attack(data, sources, run, str(zoo[2]), True, search=SEARCHES["he_sit"], images=6, batch_size=16)
    return run.folder, data.split("test"), measures


def test_every_image_has_a_row_in_order(finished):
    folder, dataset, _ = finished
    assert [row["image"] for row in rows(folder)] == dataset.ids
    assert {row["status"] for row in rows(folder)} <= {"success", "failed", "skipped", "infeasible"}


def test_status_is_what_a_user_sees_on_the_written_pixels(finished, zoo):
    folder, dataset, _ = finished
    ensemble = Ensemble([load_target(zoo[0]), load_target(zoo[1])])
    for index, row in enumerate(rows(folder)):
        images = torch.stack(
            [to_tensor(dataset.pixels(index)), to_tensor(read_image(folder / "marked" / row["image"]))]
        )
        labels = torch.tensor([dataset.labels[index]] * 2)
        with torch.no_grad():
            probabilities = ensemble(images)
        confidence = ensemble.confidence(probabilities, labels).tolist()
        assert [float(row["confidence_before"]), float(row["confidence_after"])] == pytest.approx(confidence, abs=1e-4)
        if not ensemble.all_correct(probabilities, labels)[0]:
            assert row["status"] == "skipped"
        else:
            assert row["status"] == ("success" if ensemble.misread(probabilities, labels)[1] else "failed")


def test_no_mark_touches_a_lesion(finished):
    folder, dataset, _ = finished
    for index, row in enumerate(rows(folder)):
        changed = dataset.pixels(index) != read_image(folder / "marked" / row["image"])
        assert changed.any()
        assert not changed[dataset.lesion_mask(index)].any()


def test_marks_stay_within_the_asked_opacity_and_stay_visible(finished):
    folder, dataset, _ = finished
    for index, row in enumerate(rows(folder)):
        assert 100 <= int(row["alpha"]) <= 220
        difference = np.abs(dataset.pixels(index).astype(int) - read_image(folder / "marked" / row["image"]))
        assert difference.max() > 30


def test_every_original_comes_back_from_the_key(finished, tmp_path):
    folder, dataset, _ = finished
    results = list(recover_folder(open_key(folder / "run.miadkey"), folder / "marked", tmp_path))
    assert [result.problem for result in results] == [""] * 20
    for index, id_ in enumerate(dataset.ids):
        assert np.array_equal(read_image(tmp_path / id_), dataset.pixels(index))


def test_metrics_agree_with_the_rows(finished):
    folder, _, measures = finished
    attacked = [row for row in rows(folder) if row["status"] in ("success", "failed")]
    successes = sum(row["status"] == "success" for row in attacked)
    assert measures["attacked"] == len(attacked) > 0
    assert measures["success_rate"] == successes / len(attacked)
    assert measures["accuracy_before/ensemble"] == 1
    assert measures["accuracy_after/ensemble"] == pytest.approx(1 - successes / len(attacked))
    assert measures["queries_mean"] == pytest.approx(np.mean([int(row["queries"]) for row in attacked]))
    assert measures["queries_max"] == max(int(row["queries"]) for row in attacked)


def test_the_metrics_file_holds_the_returned_numbers(finished):
    folder, _, measures = finished
    with (folder / "metrics.csv").open(newline="") as file:
        stored = {row["measure"]: float(row["value"]) for row in csv.DictReader(file)}
    assert stored.keys() == measures.keys()
    assert all(stored[name] == value or math.isnan(value) for name, value in measures.items())


def test_nothing_else_is_left_in_the_folder(finished):
    folder, dataset, _ = finished
    expected = {
        "attack.csv",
        "config.yaml",
        "lesions.png",
        "metrics.csv",
        "predictions.csv",
        "run.miadkey",
        "run.identity",
    }
    assert tree(folder).keys() == expected | {f"marked/{id_}" for id_ in dataset.ids}


@pytest.mark.parametrize(("images", "batch_size"), [(1, 1), (20, 7), (20, 500)])
def test_batches_change_nothing_that_is_written(finished, zoo, phantom, make_run, images, batch_size):
    run = make_run()
    sources = f"{zoo[0]},{zoo[1]}"
    attack(phantom(), sources, run, str(zoo[2]), True, search=SEARCHES["he_sit"], images=images, batch_size=batch_size)
    marked = {name: data for name, data in tree(run.folder).items() if name.endswith((".png", ".miadkey"))}
    assert marked == {name: data for name, data in tree(finished[0]).items() if name.endswith((".png", ".miadkey"))}
    fixed = ("image", "status", "queries", "x", "y", "alpha", "variant")
    assert [[r[f] for f in fixed] for r in rows(run.folder)] == [[r[f] for f in fixed] for r in rows(finished[0])]


def test_what_ends_a_search_in_half_precision_is_confirmed_in_float32(zoo, phantom, tmp_path, monkeypatch):
    """Else a mark that only bfloat16 misreads would end the search of an image that is then counted as failed."""
    seen = []
    original = Pool.score

    def watched(pool, hosts, *arguments):
        seen.append((torch.is_autocast_enabled("cpu"), len(hosts)))
        return original(pool, hosts, *arguments)

    monkeypatch.setattr(Pool, "score", watched)
    run = Run("run", tmp_path, accelerator="cpu", precision="bf16-mixed", wandb="off", progress=False)
    measures = attack(phantom(), str(zoo[0]), run, search=SEARCHES["he"], batch_size=16)
    confirmed = [count for halved, count in seen if not halved]
    assert sum(count for halved, count in seen if halved) > len(confirmed) >= measures["success"] > 0
    assert set(confirmed) == {1}


def test_a_budget_without_a_query_to_confirm_is_refused(zoo, phantom, tmp_path):
    run = Run("run", tmp_path, accelerator="cpu", precision="bf16-mixed", wandb="off", progress=False)
    with pytest.raises(InputError, match=r"\Aexpected budget of at least 3, found 2\Z"):
        attack(phantom(), str(zoo[0]), run, search=SEARCHES["he"], stop=Stop(budget=2))


def test_loader_processes_change_nothing(finished, zoo, make_run):
    data, run = Phantom("brain", 48, train=0, val=0, test=20, workers=1), make_run()
    attack(data, f"{zoo[0]},{zoo[1]}", run, str(zoo[2]), True, search=SEARCHES["he_sit"], images=6, batch_size=16)
    assert tree(run.folder) == tree(finished[0])


def test_an_interrupted_run_goes_on_and_ends_with_the_same_files(finished, zoo, phantom, make_run):
    arguments = {"unseen": str(zoo[2]), "ensemble": True, "search": SEARCHES["he_sit"], "images": 6, "batch_size": 16}
    with going_down_half_way():
        attack(phantom(), f"{zoo[0]},{zoo[1]}", make_run(), **arguments)
    assert tree(make_run().folder / "journal")
    attack(phantom(), f"{zoo[0]},{zoo[1]}", make_run(), **arguments)
    assert tree(make_run().folder) == tree(finished[0])


@pytest.fixture
def start(zoo, tmp_path):
    """A function that starts a small attack as a process of its own."""

    def popen(name):
        words = ["attack", "--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0"]
        words += ["--data.test", "12", "--sources", str(zoo[0]), "--search", "he", "--images", "2", "--run.name", name]
        words += ["--run.root", str(tmp_path), "--run.wandb", "off", "--no_run.progress", "--batch_size", "4"]
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": ""}
        command = [sys.executable, "-m", "miad", *words]
        return subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    return popen


def stop_half_way(process, folder, number):
    """Send a signal as soon as a first batch is booked; returns the exit code and what was said."""
    while not (folder / "journal" / "0.sqlite").exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert not (folder / "metrics.csv").exists()
    return process.returncode, said.decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_asked_stop_ends_at_once_with_one_line(start, tmp_path, number):
    code, said = stop_half_way(start("asked"), tmp_path / "asked", number)
    assert code == 128 + number
    assert said == "miad: error: interrupted; the same command goes on where it stopped\n"


def test_a_lesion_that_fills_the_image_is_infeasible_and_nothing_is_written(zoo, phantom, make_run, monkeypatch):
    data = phantom()
    dataset = data.split("test")
    everywhere = np.ones((48, 48), bool)
    original = dataset.lesion_mask
    monkeypatch.setattr(dataset, "lesion_mask", lambda index: everywhere if index == 3 else original(index))
    attack(data, str(zoo[0]), make_run(), search=SEARCHES["random"])
    row = rows(make_run().folder)[3]
    assert (row["status"], row["x"], row["alpha"]) == ("infeasible", "", "")
    assert not (make_run().folder / "marked" / row["image"]).exists()
    assert len(list((make_run().folder / "marked").iterdir())) == 19


def test_the_search_finds_more_than_one_random_mark(zoo, phantom, make_run):
    rates = [
        attack(phantom(), str(zoo[0]), make_run(name), search=SEARCHES[name])["success_rate"]
        for name in ("random", "he")
    ]
    assert rates[1] > rates[0]


def test_as_many_images_of_every_class_are_marked_as_asked_for(zoo, make_run):
    run, data = make_run(), Phantom("brain", 48, train=0, val=0, test=20)
    words = f"attack --data Phantom --data.size 48 --data.train 0 --data.val 0 --data.test 20 --sources {zoo[0]}"
    words += f" --search random --per_class 2 --run.name {run.name} --run.root {run.root} --run.wandb off"
    with pytest.raises(SystemExit) as stop:
        main([*words.split(), "--run.accelerator", "cpu", "--no_run.progress", "--run.seed", "5"])
    assert stop.value.code == 0
    found = rows(run.folder)
    assert [row["image"] for row in found] == choose_images(data, "test", 2, seed=5).ids
    assert Counter(row["label"] for row in found) == dict.fromkeys(data.classes, 2)
    assert {path.name for path in (run.folder / "marked").iterdir()} == {row["image"] for row in found}


def test_a_finished_run_is_not_run_again(finished, zoo, phantom):
    from miad.commands.run import Run

    run = Run("run", finished[0].parent, accelerator="cpu", wandb="off", progress=False)
    with pytest.raises(RunError, match="finished"):
        attack(phantom(), f"{zoo[0]},{zoo[1]}", run, str(zoo[2]), True, search=SEARCHES["he_sit"])


def test_a_run_is_not_taken_up_with_other_weights(finished, zoo, phantom):
    from miad.commands.run import Run

    run = Run("run", finished[0].parent, accelerator="cpu", wandb="off", progress=False)
    with pytest.raises(RunError, match=r"a different run: inputs\.weights"):
        attack(phantom(), str(zoo[0]), run, search=SEARCHES["he_sit"])


def test_two_sources_need_the_ensemble_flag(zoo, phantom, make_run):
    with pytest.raises(InputError, match="--ensemble"):
        attack(phantom(), f"{zoo[0]},{zoo[1]}", make_run())
    assert not make_run().folder.exists()


def test_a_checkpoint_of_other_classes_is_refused(tmp_path, phantom, make_run):
    other = save_run(tmp_path / "other", 1, classes=["a", "b"])
    with pytest.raises(InputError, match="tells 2 classes apart"):
        attack(phantom(), str(other), make_run())
    assert not make_run().folder.exists()


def test_a_working_size_that_no_classifier_reads_is_refused(zoo, phantom, make_run):
    data = phantom()
    data.size = 40
    with pytest.raises(InputError, match="expected images of the size"):
        attack(data, str(zoo[0]), make_run())


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"scale": 0.5}, "expected scale of at least 1, found 0.5; the logo would be"),
        ({"scale": 20}, "too small"),
        ({"logo": "nothing.png"}, "found no"),
        ({"alpha_min": 0}, "alpha_min"),
        ({"alpha_min": 200, "alpha_max": 100}, "alpha_max of at least 200, found 100"),
        ({"weights": [1.0, 2.0]}, "weights"),
        ({"unseen": "nowhere"}, "no such checkpoint"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(zoo, phantom, make_run, options, expected):
    with pytest.raises(InputError, match=expected) as error:
        attack(phantom(), str(zoo[0]), make_run(), **options)
    assert "\n" not in str(error.value)
    assert not make_run().folder.exists()


def test_key_records_hold_what_undoing_needs(finished):
    key = open_key(finished[0] / "run.miadkey")
    record = next(iter(key.records.values()))
    fields = json.loads(record.to_bytes().partition(b"\n")[0])
    assert fields.keys() == {
        "image",
        "file",
        "x",
        "y",
        "alpha",
        "rendering",
        "original",
        "marked",
        "delta",
        "dtype",
        "shape",
    }
    assert record.rendering in key.renderings
    row = next(row for row in rows(finished[0]) if row["image"] == record.image)
    assert [fields["x"], fields["y"], fields["alpha"]] == [int(row[name]) for name in ("x", "y", "alpha")]


def test_verdicts_that_do_not_fit_go_on_in_smaller_batches(zoo, phantom, monkeypatch):
    task = AttackTask(Ensemble([load_target(zoo[0])]), [], SEARCHES["random"], MarkOptions(load_logo("emblem")))
    images = torch.stack([phantom().split("test")[index].image for index in range(20)])
    expected, member = task.verdict(images), task.sources.members[0]
    original = member.forward

    def small(batch):
        if len(batch) > 7:
            raise torch.OutOfMemoryError("no room")
        return original(batch)

    monkeypatch.setattr(member, "forward", small)
    torch.testing.assert_close(task.verdict(images), expected)
