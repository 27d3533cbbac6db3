"""A segmenter learns to find drawn tumours; its test agrees with scikit-learn and with its own files."""

import numpy as np
import pytest
import torch
from lightning import seed_everything
from sklearn.metrics import f1_score, jaccard_score

import miad.commands.test
from miad.cli import main
from miad.commands.fit import segmenter as fit
from miad.commands.test import segmenter as evaluate
from miad.data import Phantom
from miad.errors import InputError
from miad.imaging import to_tensor
from miad.lesions import segment
from miad.models import load_segmenter
from miad.tasks import SegmenterTask

from .conftest import measures, quiet, read, save_run


def some_data(train=16, val=4, test=5, size=64, **options):
    return Phantom("brain", size, train=train, val=val, test=test, batch_size=8, augment=False, **options)


def a_task(seed=0, **options):
    seed_everything(seed, verbose=False)
    return SegmenterTask(["lesion"], **({"encoder": "tu-test_resnet", "size": 64, "width": 32, "lr": 3e-3} | options))


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A segmenter trained for seconds on 120 slices."""
    folder = tmp_path_factory.mktemp("learned")
    best = fit(some_data(120, 16), a_task(1), quiet("net", folder), epochs=6)
    return folder / "net", best


def masks_of(dataset):
    return [dataset.lesion_mask(index) for index in range(len(dataset))]


def test_training_finds_lesions(learned):
    share = np.mean(masks_of(some_data(120, 16).split("val")))
    everything = 2 * share / (1 + share)  # the Dice of a network that answers the same everywhere, at best
    assert everything < 0.05
    assert measures(learned[0])["val/dice"] > 0.4


def test_the_best_checkpoint_has_the_best_dice_of_the_logs(learned):
    folder, best = learned
    rows = [row for row in read(next(folder.glob("logs/*/metrics.csv"))) if row["val/dice"] and row["epoch"]]
    dice = {int(row["epoch"]): float(row["val/dice"]) for row in rows if int(row["epoch"]) < 6}
    assert torch.load(best, weights_only=True)["epoch"] == max(dice, key=dice.get)
    assert measures(folder)["val/dice"] == pytest.approx(max(dice.values()))


@pytest.fixture(scope="module")
def tested(learned, tmp_path_factory):
    """Slices of another size than the network learned from, tested."""
    root, logged = tmp_path_factory.mktemp("tested"), []
    patch = pytest.MonkeyPatch()
    patch.setattr(miad.commands.test, "log_figures", lambda _, figures: logged.extend(figures))
    scores = evaluate(some_data(size=80), learned[0], quiet("tested", root))
    patch.undo()
    return root / "tested", scores, logged


def test_a_test_agrees_with_scikit_learn(learned, tested):
    folder, scores, _ = tested
    dataset, network = some_data(size=80).split("test"), load_segmenter(learned[1])
    found = [segment(network, to_tensor(dataset.pixels(index))[None])[0, 0].numpy() >= 0.5 for index in range(5)]
    truth = masks_of(dataset)
    assert scores["test/dice"] == pytest.approx(f1_score(np.ravel(truth), np.ravel(found)))
    assert scores["test/iou"] == pytest.approx(jaccard_score(np.ravel(truth), np.ravel(found)))
    assert measures(folder) == pytest.approx(scores)
    rows = read(folder / "segmentation.csv")
    assert [row["image"] for row in rows] == dataset.ids
    for row, mask, guess in zip(rows, truth, found, strict=True):
        assert (int(row["true_pixels"]), int(row["predicted_pixels"])) == (mask.sum(), guess.sum())
        assert float(row["dice"]) == pytest.approx(f1_score(mask.ravel(), guess.ravel()), abs=1e-6)
    lesions, regions = (sum(int(row[name]) for row in rows) for name in ("found", "lesions"))
    assert scores["test/lesion_recall"] == pytest.approx(lesions / regions)


def test_pictures_are_drawn_and_those_with_originals_stay_in_the_folder(tested):
    folder, _, logged = tested
    assert {path.name for path in folder.glob("*.png")} == {"segmentation.png", "precision_recall.png"}
    assert [path.name for path in logged] == ["precision_recall.png"]


@pytest.mark.parametrize(("images", "shown"), [(1, [0]), (6, [0, 1, 2, 3, 4, 5]), (7, [0, 2, 4, 6])])
def test_the_examples_are_evenly_far_apart(images, shown):
    dataset = some_data(test=images, size=32).split("test")
    found = miad.commands.test._examples(dataset, a_task().network)
    assert [example.caption for example in found] == [dataset.ids[index] for index in shown]


def test_an_interrupted_training_goes_on_from_its_last_epoch(tmp_path, monkeypatch):
    original, trained = SegmenterTask.training_step, []

    def stop_at_two(self, batch, index):
        trained.append(self.current_epoch)
        if trained.count(2) == 1 and self.current_epoch == 2:
            raise OSError("the machine goes down")
        return original(self, batch, index)

    monkeypatch.setattr(SegmenterTask, "training_step", stop_at_two)
    data = lambda: some_data(8, 2, size=32)  # noqa: E731
    with pytest.raises(OSError, match="goes down"):
        fit(data(), a_task(size=32), quiet("net", tmp_path), epochs=3)
    assert not (tmp_path / "net" / "metrics.csv").exists()
    fit(data(), a_task(size=32), quiet("net", tmp_path), epochs=3)
    assert trained == [0, 1, 2, 2]
    assert measures(tmp_path / "net").keys() == {
        "val/dice",
        "val/iou",
        "val/average_precision",
        "val/lesion_recall",
    }


def test_crops_multiply_an_epoch(tmp_path):
    fit(some_data(8, 2, size=32), a_task(size=64, tile=32), quiet("net", tmp_path), epochs=1, crops=3)
    last = torch.load(tmp_path / "net" / "checkpoints" / "last.ckpt", weights_only=True)
    assert last["global_step"] == 3


def test_data_of_other_kinds_are_refused(learned, tmp_path):
    data = some_data()
    data.kinds = ("exudates", "haemorrhages")
    words = (
        r".*net finds lesion, the data have masks of exudates, haemorrhages; name .* --data\.kinds, or take another.*"
    )
    with pytest.raises(InputError, match=rf"\A{words}\Z"):
        evaluate(data, learned[0], quiet("tested", tmp_path))
    assert not (tmp_path / "tested").exists()


def test_a_classifier_is_refused(tmp_path):
    classifier = save_run(tmp_path / "one", 0)
    with pytest.raises(InputError, match=r"\A.*of 'miad fit segmenter', found one of 'miad fit classifier'\Z"):
        evaluate(some_data(), classifier, quiet("tested", tmp_path))
    assert not (tmp_path / "tested").exists()


@pytest.mark.parametrize("options", [{"epochs": 0}, {"patience": 0}, {"crops": 0}])
def test_options_out_of_range_are_refused_before_anything_is_written(tmp_path, options):
    with pytest.raises(InputError, match=r"\Aexpected (epochs|patience|crops) of at least 1, found 0\Z"):
        fit(some_data(), a_task(), quiet("net", tmp_path), **options)
    assert not (tmp_path / "net").exists()


WORDS = "--data Phantom --data.size 32 --data.train 8 --data.val 2 --data.test 2 --data.batch_size 4 --run.wandb off"
WORDS += " --no_run.progress --run.accelerator cpu"


def go(*words):
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    assert stop.value.code == 0


def test_the_command_line_trains_and_tests(tmp_path):
    network = "--model.encoder tu-test_resnet --model.size 32 --model.width 16 --epochs 1 --crops 1"
    words = [*WORDS.split(), "--run.root", tmp_path]
    go("fit", "segmenter", *words, *network.split(), "--run.name", "x")
    text = (tmp_path / "x" / "config.yaml").read_text()
    assert "tile: null\n" in text
    assert "crops: 1\n" in text
    go("test", "segmenter", *words, "--checkpoint", tmp_path / "x", "--run.name", "y")
    assert measures(tmp_path / "y").keys() == {
        f"test/{m}" for m in ("dice", "iou", "average_precision", "lesion_recall")
    }
