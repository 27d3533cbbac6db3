"""A remover learns on drawn images; its test agrees with its own files; fine-tuning goes on from it."""

import numpy as np
import pytest
import torch
import yaml

import miad.commands.test
from miad.cli import main
from miad.commands.fit import remover as fit
from miad.commands.test import remover as evaluate
from miad.data import PairDataModule, PairOptions, Phantom
from miad.errors import InputError, RunError
from miad.measures import removal_quality
from miad.models import load_remover
from miad.tasks import RemoverRecipe, RemoverTask
from miad.tensors import to_levels, to_unit

from .conftest import measures, quiet, read

ONE = PairOptions(logos="emblem", held_out="wordmark", scale_min=2, scale_max=2)


def some_data(train=8, val=4, test=5, size=32, kind="brain"):
    return Phantom(kind, size, train=train, val=val, test=test, batch_size=4, augment=False)


def recipe(**options):
    return RemoverRecipe(**({"network": "wdnet", "base_channels": 4} | options))


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A remover trained for seconds on 96 slices."""
    folder = tmp_path_factory.mktemp("learned")
    best = fit(some_data(96, 16), quiet("net", folder), recipe(lr=1e-2), pairs=ONE, epochs=8)
    return folder / "net", best


def test_training_finds_marks_and_removes_some_of_them(learned):
    scores = measures(learned[0])
    pairs = PairDataModule(some_data(96, 16), ONE, 2023).pairs("val")
    marked = torch.stack([removal_quality(p.marked[None], p.image[None], p.alpha[None] > 0).psnr_inside for p in pairs])
    assert scores["val/psnr_inside"] > marked.mean() + 5
    assert scores["val/mask_iou"] > 0.3  # all of the image has 0.1
    assert scores.keys() == {
        *(f"val/{name}" for name in ("psnr", "ssim", "rmse", "psnr_inside", "rmse_inside", "rmse_outside", "mask_iou"))
    }


def test_the_best_checkpoint_removes_best_inside_the_marks(learned):
    folder, best = learned
    rows = [row for row in read(next(folder.glob("logs/*/metrics.csv"))) if row["val/psnr_inside"] and row["epoch"]]
    found = {int(row["epoch"]): float(row["val/psnr_inside"]) for row in rows if int(row["epoch"]) < 8}
    assert torch.load(best, weights_only=True)["epoch"] == max(found, key=found.get)
    assert measures(folder)["val/psnr_inside"] == pytest.approx(max(found.values()), abs=1e-4)


@pytest.fixture(scope="module")
def tested(learned, tmp_path_factory):
    root, logged = tmp_path_factory.mktemp("tested"), []
    patch = pytest.MonkeyPatch()
    patch.setattr(miad.commands.test, "log_figures", lambda _, figures: logged.extend(figures))
    scores = evaluate(some_data(), learned[0], quiet("tested", root), ONE)
    patch.undo()
    return root / "tested", scores, logged


def test_a_test_agrees_with_the_network_s_own_answers(learned, tested):
    folder, scores, _ = tested
    network = load_remover(learned[1])
    pairs = PairDataModule(some_data(), ONE, 2023).pairs("test")
    assert [logo.name for logo in pairs.logos] == ["wordmark"]
    rows = read(folder / "removal.csv")
    assert [row["image"] for row in rows] == pairs.dataset.ids
    for row, pair in zip(rows, pairs, strict=True):
        with torch.no_grad():
            found = to_levels(network(to_unit(pair.marked[None])).image)[0].numpy().astype(float)
        inside = np.broadcast_to(pair.alpha.numpy() > 0, found.shape)
        for prefix, image in (("", found), ("marked_", pair.marked.numpy().astype(float))):
            error = image - pair.image.numpy()
            assert float(row[f"{prefix}rmse_inside"]) == pytest.approx(np.sqrt(np.mean(error[inside] ** 2)), abs=0.02)
            assert float(row[f"{prefix}rmse_outside"]) == pytest.approx(np.sqrt(np.mean(error[~inside] ** 2)), abs=0.02)
    for name in ("psnr_inside", "mask_iou", "marked_psnr_inside"):
        logged = scores[f"test/{name}".replace("marked_", "marked/")]
        assert logged == pytest.approx(np.mean([float(row[name]) for row in rows]), abs=1e-3)
    assert measures(folder) == pytest.approx(scores)


def test_pictures_show_what_was_measured(learned, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr(miad.commands.test, "draw_removal", lambda _, rows: shown.extend(rows))
    evaluate(some_data(), learned[0], quiet("tested", tmp_path), ONE)
    network = load_remover(learned[1])
    with torch.no_grad():
        expected = [to_levels(network(to_unit(row.marked[None])).image)[0] for row in shown]
    assert len(shown) == 5
    assert all(torch.equal(row.removed, image) for row, image in zip(shown, expected, strict=True))


def test_pictures_show_originals_and_stay_in_the_folder(tested):
    folder, _, logged = tested
    assert (folder / "removal.png").stat().st_size > 1000
    assert logged == []


def test_fine_tuning_goes_on_from_a_run_and_leaves_its_encoder(learned, tmp_path):
    best = fit(some_data(), quiet("fine", tmp_path), recipe(), "finetune", learned[0], ONE, epochs=1)
    before, after = load_remover(learned[1]).state_dict(), load_remover(best).state_dict()
    same = {name.split(".")[0] for name in before if torch.equal(before[name], after[name])}
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert {"downs", "dilated"} <= same - changed
    assert changed == {"ups", "heads", "refiner"}


def test_random_weights_are_not_fine_tuned(tmp_path):
    with pytest.raises(InputError, match=r"\Aexpected weights to fine-tune, found none, .*--weights.*\Z"):
        fit(some_data(), quiet("fine", tmp_path), recipe(), "finetune")
    assert not (tmp_path / "fine").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network": "splitnet"}, "another network or base_channels"),
        ({"base_channels": 8}, r"expected \(8, 3, 3, 3\), found \(4, 3, 3, 3\): another network or base_channels"),
    ],
)
def test_weights_of_another_network_are_refused(learned, tmp_path, change, words):
    with pytest.raises(InputError, match=words):
        fit(some_data(), quiet("fine", tmp_path), recipe(**change), "finetune", learned[0])


def test_an_interrupted_training_goes_on_from_its_last_epoch(tmp_path, monkeypatch):
    original, trained = RemoverTask.training_step, []

    def stop_at_two(self, batch, index):
        trained.append(self.current_epoch)
        if trained.count(2) == 1 and self.current_epoch == 2:
            raise OSError("the machine goes down")
        return original(self, batch, index)

    monkeypatch.setattr(RemoverTask, "training_step", stop_at_two)
    words = {"model": recipe(), "pairs": ONE, "epochs": 3}
    with pytest.raises(OSError, match="goes down"):
        fit(some_data(4, 2), quiet("net", tmp_path), **words)
    fit(some_data(4, 2), quiet("net", tmp_path), **words)
    assert trained == [0, 1, 2, 2]
    assert (tmp_path / "net" / "metrics.csv").is_file()


def test_the_same_seed_gives_the_same_weights(tmp_path):
    first, second = (
        fit(some_data(4, 2, kind="fundus"), quiet(name, tmp_path), recipe(), pairs=ONE, epochs=1) for name in "ab"
    )
    states = [load_remover(path).state_dict() for path in (first, second)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_classifier_s_run_is_no_remover(zoo, tmp_path):
    with pytest.raises(InputError, match=r"expected a checkpoint of 'miad fit remover', found one of 'miad fit class"):
        evaluate(some_data(), zoo[0], quiet("tested", tmp_path))


def test_images_of_different_sizes_are_refused_before_anything_is_written(tmp_path):
    data = some_data()
    data.split("train").shape = lambda index: (32, 32 + index % 2)
    with pytest.raises(InputError, match=r"expected images of one size, found 32x32 and 33x32; give a data.size"):
        fit(data, quiet("net", tmp_path), recipe(), pairs=ONE)
    assert list(tmp_path.iterdir()) == []


def test_images_too_small_for_the_logo_are_refused(tmp_path, capsys):
    words = ["fit", "remover", "--data", "Phantom", "--data.size", "32", "--model.base_channels", "4"]
    words += ["--pairs.logos", "wordmark", "--pairs.scale_min", "12", "--pairs.scale_max", "12"]
    words += ["--run.root", str(tmp_path), "--run.name", "a", "--run.wandb", "off", "--no_run.progress"]
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("miad: error: an image of 32x32 is too small: the logo would be 2x")
    assert list(tmp_path.iterdir()) == []


def test_another_run_s_folder_is_not_taken_up(learned):
    folder = learned[0]
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert config["inputs"].keys() == {"train", "val"}
    with pytest.raises(RunError):
        fit(some_data(8, 4), quiet("net", folder.parent), recipe(), pairs=ONE, epochs=8)
