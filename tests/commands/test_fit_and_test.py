"""Training learns, repeats itself and goes on after a stop; testing agrees with scikit-learn."""

import os
import signal
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from lightning import seed_everything
from lightning.pytorch.accelerators import CPUAccelerator, CUDAAccelerator
from PIL import Image
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, roc_auc_score
from sklearn.metrics import auc as area

from miad.cli import main
from miad.commands.fit import classifier as fit
from miad.commands.run import Run
from miad.commands.test import classifier as evaluate
from miad.data import Phantom
from miad.errors import InputError
from miad.imaging import to_tensor
from miad.measures import SCORES, ClassificationScores, calibration_error
from miad.models import load_classifier
from miad.tasks import ClassifierTask

from .conftest import measures, quiet, read, save_run


def some_data(train=12, val=9, test=0, size=32, **options):
    return Phantom("brain", size, train=train, val=val, test=test, batch_size=10, augment=False, **options)


def a_task(seed=0, **options):
    seed_everything(seed, verbose=False)
    return ClassifierTask(["glioma", "meningioma", "pituitary"], "test_resnet", 32, **options)


def logged(folder, epochs=8, name="val/accuracy"):
    """A logged number by epoch, over every start of the run; the closing validation counts as one more epoch."""
    files = sorted(folder.glob("logs/version_*/metrics.csv"))
    rows = [
        row for file in files for row in read(file) if row["epoch"] and row.get(name) and int(row["epoch"]) < epochs
    ]
    return {int(row["epoch"]): float(row[name]) for row in rows}


@torch.no_grad()
def predicted(checkpoint, dataset):
    """Each image's logits, read one by one, and the labels."""
    network = load_classifier(checkpoint)
    images = [to_tensor(dataset.pixels(index))[None] for index in range(len(dataset))]
    return torch.cat([network(image) for image in images]), np.array(dataset.labels)


def assert_scores(found, logits, labels):
    probabilities = logits.double().softmax(1).numpy()
    truth = np.eye(3)[labels]
    assert found["accuracy"] == pytest.approx(accuracy_score(labels, probabilities.argmax(1)))
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(labels, probabilities.argmax(1)))
    assert found["auc_micro"] == pytest.approx(roc_auc_score(truth.ravel(), probabilities.ravel()), abs=1e-5)
    assert found["auc_macro"] == pytest.approx(roc_auc_score(truth, probabilities, average="macro"), abs=1e-5)


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A classifier trained for seconds on 600 slices."""
    folder = tmp_path_factory.mktemp("learned")
    best = fit(some_data(600, 90, size=48), a_task(1, lr=5e-3), quiet("net", folder), epochs=8)
    return folder / "net", best


def test_training_learns(learned):
    assert measures(learned[0])["val/accuracy"] > 0.5  # chance is 0.33 with a deviation of 0.05
    losses = [
        float(row["train/loss"]) for row in read(learned[0] / "logs" / "version_0" / "metrics.csv") if row["train/loss"]
    ]
    assert np.mean(losses[-4:]) < np.mean(losses[:4]) - 0.1


def test_the_best_checkpoint_has_the_best_accuracy_of_the_logs(learned):
    folder, best = learned
    accuracy = logged(folder)
    epochs = {epoch: value for epoch, value in accuracy.items() if value == max(accuracy.values())}
    assert best == folder / "checkpoints" / "best.ckpt"
    assert torch.load(best, weights_only=True)["epoch"] == min(epochs)
    assert len(set(accuracy.values())) > 1
    logits, labels = predicted(best, some_data(600, 90, size=48).split("val"))
    assert float((logits.argmax(1).numpy() == labels).mean()) == pytest.approx(max(accuracy.values()))


def test_the_last_checkpoint_is_of_the_last_epoch_even_when_another_was_better(tmp_path, monkeypatch):
    worse = iter(range(9, 0, -1))
    compute = ClassificationScores.compute
    monkeypatch.setattr(
        ClassificationScores, "compute", lambda self: compute(self) | {"accuracy": torch.tensor(next(worse) / 10)}
    )
    best = fit(some_data(), a_task(), quiet("net", tmp_path), epochs=3)
    assert torch.load(best, weights_only=True)["epoch"] == 0
    assert torch.load(best.with_name("last.ckpt"), weights_only=True)["epoch"] == 2


def test_the_measures_are_those_of_the_best_checkpoint(learned):
    folder, best = learned
    found = {name.removeprefix("val/"): value for name, value in measures(folder).items()}
    assert_scores(found, *predicted(best, some_data(600, 90, size=48).split("val")))


def test_the_checkpoint_says_how_to_build_the_network(learned):
    stored = torch.load(learned[1], weights_only=True)["hyper_parameters"]
    assert stored.pop("lr") == 5e-3
    assert {name: stored[name] for name in ("classes", "backbone", "size", "loss")} == {
        "classes": ["glioma", "meningioma", "pituitary"],
        "backbone": "test_resnet",
        "size": 32,
        "loss": "cross_entropy",
    }


def test_testing_agrees_with_scikit_learn(learned, tmp_path):
    data = some_data(600, 90, 50, size=48)
    scores = evaluate(data, learned[0], quiet("tested", tmp_path))
    assert measures(tmp_path / "tested") == pytest.approx(scores)
    assert scores.keys() == {"test/loss", *(f"test/{name}" for name in SCORES)}
    logits, labels = predicted(learned[1], data.split("test"))
    assert_scores({name.removeprefix("test/"): value for name, value in scores.items()}, logits, labels)
    loss = -logits.double().log_softmax(1)[range(50), labels].mean()
    assert scores["test/loss"] == pytest.approx(float(loss), abs=1e-4)


def test_testing_without_test_images_takes_the_validation_images(learned, tmp_path):
    scores = evaluate(some_data(600, 90, size=48), learned[1], quiet("tested", tmp_path))
    assert scores["test/accuracy"] == pytest.approx(measures(learned[0])["val/accuracy"])


def test_testing_resizes_images_to_what_the_network_reads(learned, tmp_path):
    scores = evaluate(some_data(0, 0, 20, size=48), learned[0], quiet("tested", tmp_path))
    assert 0 <= scores["test/accuracy"] <= 1


@pytest.fixture(scope="module")
def tested(learned, tmp_path_factory):
    """The folder of a test on 50 images."""
    folder = tmp_path_factory.mktemp("tests")
    evaluate(some_data(600, 90, 50, size=48), learned[0], quiet("tested", folder))
    return folder / "tested"


def test_a_test_leaves_three_tables_and_three_pictures(tested):
    files = {path.name for path in tested.iterdir() if path.is_file()}
    tables = {"metrics.csv", "predictions.csv", "roc.csv", "confusion.csv"}
    assert files == {"config.yaml", "roc.png", "confusion.png", "calibration.png"} | tables
    for name in ("roc", "confusion", "calibration"):
        with Image.open(tested / f"{name}.png") as file:
            assert np.array(file.convert("L")).std() > 0


def test_the_predictions_are_those_of_the_network_image_by_image(learned, tested):
    dataset = some_data(600, 90, 50, size=48).split("test")
    logits, labels = predicted(learned[1], dataset)
    rows = read(tested / "predictions.csv")
    classes = ["glioma", "meningioma", "pituitary"]
    assert [row["image"] for row in rows] == dataset.ids
    assert [row["label"] for row in rows] == [classes[label] for label in labels]
    found = [[float(row[name]) for name in classes] for row in rows]
    np.testing.assert_allclose(found, logits.softmax(1).numpy(), atol=1e-5)


def test_the_tables_of_a_test_say_what_its_measures_say(tested):
    classes = ["glioma", "meningioma", "pituitary"]
    rows, found = read(tested / "predictions.csv"), measures(tested)
    labels, picked = ([classes.index(row[name]) for row in rows] for name in ("label", "predicted"))
    counts = [[int(row[f"predicted {name}"]) for name in classes] for row in read(tested / "confusion.csv")]
    assert counts == confusion_matrix(labels, picked).tolist()
    assert found["test/accuracy"] == pytest.approx(np.trace(counts) / 50)
    assert found["test/balanced_accuracy"] == pytest.approx(np.mean(np.diag(counts) / np.sum(counts, 1)))
    curves = {}
    for row in read(tested / "roc.csv"):
        point = float(row["false_positive_rate"]), float(row["true_positive_rate"])
        curves.setdefault(row["class"], []).append(point)
    areas = {name: area(*np.array(points).T) for name, points in curves.items()}
    assert found["test/auc_micro"] == pytest.approx(areas.pop("micro average"), abs=1e-5)
    assert found["test/auc_macro"] == pytest.approx(np.mean(list(areas.values())), abs=1e-5)
    probabilities = torch.tensor([[float(row[name]) for name in classes] for row in rows])
    assert found["test/calibration_error"] == pytest.approx(
        calibration_error(probabilities, torch.tensor(labels)), abs=1e-5
    )


def test_verdicts_are_in_full_precision_whatever_is_asked_for(learned, tested, tmp_path):
    data = some_data(600, 90, 50, size=48)
    evaluate(data, learned[0], quiet("half", tmp_path, precision="bf16-mixed"))
    assert read(tmp_path / "half" / "predictions.csv") == read(tested / "predictions.csv")


@pytest.mark.parametrize("classes", [["glioma", "meningioma"], ["meningioma", "glioma", "pituitary"], list("abc")])
def test_a_checkpoint_of_other_classes_is_refused(tmp_path, classes):
    other = save_run(tmp_path / "other", 1, classes=classes)
    with pytest.raises(InputError, match=rf"\A.* tells {len(classes)} classes apart .*\Z"):
        evaluate(some_data(), other, quiet("tested", tmp_path))
    assert not (tmp_path / "tested").exists()


def test_a_working_size_that_the_network_does_not_read_is_refused(learned, tmp_path):
    data = some_data()
    data.size = 40
    with pytest.raises(InputError, match=r"\A.*reads, 32, found 40.*\Z"):
        evaluate(data, learned[0], quiet("tested", tmp_path))
    assert not (tmp_path / "tested").exists()


def test_a_missing_checkpoint_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such checkpoint"):
        evaluate(some_data(), tmp_path / "nowhere", quiet("tested", tmp_path))
    assert not (tmp_path / "tested").exists()


@pytest.mark.parametrize("options", [{"loss": "focal"}, {"loss": "focal", "gamma": 0.5}])
def test_focal_loss_trains_and_is_what_is_logged(tmp_path, options):
    data = some_data()
    best = fit(data, a_task(2, **options), quiet("net", tmp_path), epochs=1)
    logits, labels = predicted(best, data.split("val"))
    p = logits.double().softmax(1).numpy()[range(len(labels)), labels]
    expected = np.mean((1 - p) ** options.get("gamma", 2.0) * -np.log(p))
    assert measures(tmp_path / "net")["val/loss"] == pytest.approx(expected, abs=1e-4)


WORDS = "fit classifier --data Phantom --data.size 32 --data.train 20 --data.val 6 --data.test 0 --data.batch_size 10"
WORDS += " --model.backbone test_resnet --model.size 32 --epochs 1 --run.wandb off --no_run.progress"
WORDS += " --run.accelerator cpu"


def weights_of(name, seed, root, *words):
    words = [*WORDS.split(), "--run.name", name, "--run.seed", str(seed), "--run.root", str(root), *words]
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 0
    return torch.load(root / name / "checkpoints" / "last.ckpt", weights_only=True)["state_dict"]


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path):
    first, again, other = (weights_of(*case, tmp_path) for case in (("a", 1), ("b", 1), ("c", 2)))
    assert first.keys() == again.keys() == other.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_training_starts_from_given_weights(tmp_path):
    start = save_run(tmp_path / "start", 5) / "checkpoints" / "best.ckpt"
    found = weights_of("a", 1, tmp_path, "--model.weights", str(start), "--model.lr", "1e-12")
    given = torch.load(start, weights_only=True)["state_dict"]
    trained = [name for name in given if name.endswith((".weight", ".bias")) and "running" not in name]
    assert trained
    assert all(torch.allclose(found[name], given[name], atol=1e-6) for name in trained)


def stop_at(epoch, error):
    original = ClassifierTask.training_step

    def training_step(self, batch, index):
        if self.current_epoch == epoch:
            raise error
        return original(self, batch, index)

    return training_step


def test_an_interrupted_training_goes_on_from_its_last_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(ClassifierTask, "training_step", stop_at(2, OSError("the machine goes down")))
    with pytest.raises(OSError, match="goes down"):
        fit(some_data(), a_task(), quiet("net", tmp_path), epochs=5)
    monkeypatch.undo()
    assert logged(tmp_path / "net").keys() == {0, 1}
    assert not (tmp_path / "net" / "metrics.csv").exists()
    trained = []
    original = ClassifierTask.training_step
    monkeypatch.setattr(
        ClassifierTask,
        "training_step",
        lambda self, *batch: trained.append(self.current_epoch) or original(self, *batch),
    )
    best = fit(some_data(), a_task(), quiet("net", tmp_path), epochs=5)
    assert sorted(set(trained)) == [2, 3, 4]
    accuracy = logged(tmp_path / "net", 5)
    assert accuracy.keys() == {0, 1, 2, 3, 4}
    assert torch.load(best, weights_only=True)["epoch"] == min(
        e for e in accuracy if accuracy[e] == max(accuracy.values())
    )
    assert measures(tmp_path / "net")["val/accuracy"] == pytest.approx(max(accuracy.values()))


def test_a_training_that_is_started_again_when_done_keeps_its_weights(tmp_path):
    best = fit(some_data(), a_task(), quiet("net", tmp_path), epochs=2)
    before, scores = torch.load(best, weights_only=True)["state_dict"], measures(tmp_path / "net")
    again = fit(some_data(), a_task(7), quiet("net", tmp_path), epochs=2)
    assert again == best
    after = torch.load(best, weights_only=True)["state_dict"]
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert measures(tmp_path / "net") == pytest.approx(scores)


def scores_by_epoch(monkeypatch, **scores):
    """Validation finds these numbers, pass by pass; the first is of Lightning's trial before training."""
    left = {name: iter([0.0, *values, *([0.0] * 9)]) for name, values in scores.items()}
    compute = ClassificationScores.compute

    def fake(self):
        return compute(self) | {name: torch.tensor(next(values)) for name, values in left.items()}

    monkeypatch.setattr(ClassificationScores, "compute", fake)


def trained_epochs(folder):
    return sorted(logged(folder, 99, "train/loss"))


@pytest.mark.parametrize(
    ("patience", "scores", "epochs"),
    [
        (1, [0.5, 0.4, 0.9, 0.9], 2),
        (2, [0.5, 0.4, 0.6, 0.6, 0.5, 0.9], 5),  # an equal score is no better one
        (2, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 6),
        (None, [0.5, 0.4, 0.3, 0.2, 0.1, 0.0], 6),
    ],
)
def test_training_ends_when_patience_does(tmp_path, monkeypatch, patience, scores, epochs):
    scores_by_epoch(monkeypatch, accuracy=scores)
    best = fit(some_data(), a_task(), quiet("net", tmp_path), epochs=6, patience=patience)
    assert trained_epochs(tmp_path / "net") == list(range(epochs))
    assert torch.load(best, weights_only=True)["epoch"] == scores.index(max(scores[:epochs]))


def test_ten_passes_without_a_better_score_are_enough(tmp_path, monkeypatch):
    scores_by_epoch(monkeypatch, accuracy=[0.1, 0.5] + [0.4] * 12)
    fit(some_data(3, 3), a_task(), quiet("net", tmp_path), epochs=20)
    assert trained_epochs(tmp_path / "net") == list(range(12))


def test_a_training_that_patience_ended_is_over(tmp_path, monkeypatch):
    scores_by_epoch(monkeypatch, accuracy=[0.5, 0.4, 0.3])
    best = fit(some_data(), a_task(), quiet("net", tmp_path), epochs=6, patience=2)
    assert trained_epochs(tmp_path / "net") == [0, 1, 2]
    before = torch.load(best, weights_only=True)["state_dict"]
    monkeypatch.undo()
    scores_by_epoch(monkeypatch, accuracy=[0.9] * 9)
    monkeypatch.setattr(ClassifierTask, "training_step", stop_at(3, OSError("trained on")))
    fit(some_data(), a_task(7), quiet("net", tmp_path), epochs=6, patience=2)
    after = torch.load(best, weights_only=True)["state_dict"]
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_an_interrupted_training_keeps_its_patience(tmp_path, monkeypatch):
    scores_by_epoch(monkeypatch, accuracy=[0.5, 0.4])
    monkeypatch.setattr(ClassifierTask, "training_step", stop_at(2, OSError("the machine goes down")))
    with pytest.raises(OSError, match="goes down"):
        fit(some_data(), a_task(), quiet("net", tmp_path), epochs=6, patience=2)
    monkeypatch.undo()
    left = iter([0.3] * 9)
    compute = ClassificationScores.compute
    monkeypatch.setattr(ClassificationScores, "compute", lambda s: compute(s) | {"accuracy": torch.tensor(next(left))})
    best = fit(some_data(), a_task(), quiet("net", tmp_path), epochs=6, patience=2)
    assert trained_epochs(tmp_path / "net") == [0, 1, 2]
    assert torch.load(best, weights_only=True)["epoch"] == 0


PASSES = {
    "accuracy": [0.9, 0.1, 0.2, 0.3],
    "balanced_accuracy": [0.1, 0.9, 0.2, 0.3],
    "auc_micro": [0.1, 0.2, 0.9, 0.3],
    "auc_macro": [0.1, 0.2, 0.3, 0.9],
}


@pytest.mark.parametrize("best", PASSES)
def test_the_best_weights_have_the_highest_of_the_chosen_score(tmp_path, monkeypatch, best):
    scores_by_epoch(monkeypatch, **PASSES)
    found = fit(some_data(3, 3), a_task(), quiet("net", tmp_path), epochs=4, best=best)
    assert torch.load(found, weights_only=True)["epoch"] == list(PASSES).index(best)


def test_patience_is_over_the_chosen_score(tmp_path, monkeypatch):
    scores_by_epoch(monkeypatch, **PASSES)
    fit(some_data(3, 3), a_task(), quiet("net", tmp_path), epochs=4, patience=1, best="auc_micro")
    assert trained_epochs(tmp_path / "net") == [0, 1, 2, 3]


@pytest.mark.parametrize("patience", [0, -1])
def test_patience_of_no_pass_is_refused(tmp_path, patience):
    with pytest.raises(InputError, match=rf"\Aexpected patience of at least 1, found {patience}\Z"):
        fit(some_data(), a_task(), quiet("net", tmp_path), patience=patience)
    assert not (tmp_path / "net").exists()


def test_the_command_line_takes_null_for_endless_patience_and_a_score_by_name(tmp_path):
    weights_of("a", 1, tmp_path, "--patience", "null", "--best", "auc_macro")
    text = (tmp_path / "a" / "config.yaml").read_text()
    assert "patience: null\n" in text
    assert "best: auc_macro\n" in text


def test_training_on_a_cpu_is_in_full_precision(tmp_path):
    assert quiet("net", tmp_path).training_precision() == "32-true"


@pytest.mark.parametrize(
    ("accelerator", "native", "emulated", "precision"),
    [
        (CUDAAccelerator, True, True, "bf16-mixed"),
        (CUDAAccelerator, False, True, "16-mixed"),  # emulated bfloat16 is slower than none
        (CUDAAccelerator, False, False, "16-mixed"),
        (CPUAccelerator, True, True, "32-true"),
    ],
)
def test_training_precision_follows_the_device(tmp_path, monkeypatch, accelerator, native, emulated, precision):
    monkeypatch.setattr(Run, "_bare_trainer", lambda self: SimpleNamespace(accelerator=accelerator()))
    monkeypatch.setattr(
        torch.cuda, "is_bf16_supported", lambda including_emulation=True: emulated if including_emulation else native
    )
    assert quiet("net", tmp_path).training_precision() == precision
    for asked in ("32-true", "16-mixed", "bf16-mixed"):
        assert quiet("net", tmp_path, precision=asked).training_precision() == asked


def test_half_precision_trains_on_a_cpu(tmp_path, monkeypatch):
    dtypes, original = set(), ClassifierTask.training_step

    def watched(self, batch, index):
        dtypes.add(self(batch[0]).dtype)
        return original(self, batch, index)

    monkeypatch.setattr(ClassifierTask, "training_step", watched)
    best = fit(some_data(), a_task(), quiet("net", tmp_path, precision="bf16-mixed"), epochs=2)
    assert dtypes == {torch.bfloat16}
    start = a_task().network.state_dict()
    trained = load_classifier(best).state_dict()
    assert all(torch.isfinite(value.float()).all() for value in trained.values())
    assert not torch.equal(start["backbone.fc.weight"], trained["backbone.fc.weight"])
    assert trained["backbone.fc.weight"].dtype == torch.float32


def test_keyboard_interrupt_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    original = ClassifierTask.training_step

    def press_control_c(self, *batch):
        os.kill(os.getpid(), signal.SIGINT)
        return original(self, *batch)

    monkeypatch.setattr(ClassifierTask, "training_step", press_control_c)
    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(SystemExit) as stop:
            main([*WORDS.split(), "--run.name", "a", "--run.root", str(tmp_path)])
    finally:
        signal.signal(signal.SIGINT, handler)
    assert stop.value.code == 130
    assert "miad: error: interrupted; the same command goes on where it stopped\n" in capsys.readouterr().err
