"""Every shipped config parses, and does its work for one batch on the phantom."""

from pathlib import Path

import pytest

from miad.cli import main

CONFIGS = Path(__file__).parent.parent / "configs"
TINY = ["--data.train", "9", "--data.val", "9", "--data.test", "4", "--data.batch_size", "9", "--run.wandb", "off"]
TINY += ["--no_run.progress", "--run.accelerator", "cpu"]
NETWORK = ["--model.backbone", "test_resnet", "--model.size", "32"]


def run(*words):
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    assert stop.value.code == 0


def files(folder):
    found = sorted((CONFIGS / folder).glob("*.yaml"))
    assert found, f"no configs in {folder}"
    return [pytest.param(path, id=path.stem) for path in found]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    run(
        "fit",
        "classifier",
        "--data",
        "Phantom",
        *TINY,
        *NETWORK,
        "--epochs",
        1,
        "--run.name",
        "net",
        "--run.root",
        root,
    )
    return root / "net"


@pytest.mark.parametrize("config", files("data"))
def test_a_data_config_trains(config, tmp_path):
    run(
        "fit", "classifier", "--data", config, *TINY, *NETWORK, "--epochs", 1, "--run.name", "a", "--run.root", tmp_path
    )
    assert (tmp_path / "a" / "checkpoints" / "best.ckpt").is_file()


@pytest.mark.parametrize("config", files("classifier"))
def test_a_classifier_config_trains(config, tmp_path):
    words = ["--data", "Phantom", "--model", config, *TINY, "--epochs", 1, "--run.name", "a", "--run.root", tmp_path]
    run("fit", "classifier", *words)
    assert (tmp_path / "a" / "metrics.csv").is_file()


@pytest.mark.parametrize("config", files("search"))
def test_a_search_config_marks(config, trained, tmp_path):
    words = ["--data", "Phantom", *TINY, "--sources", trained, "--search", config]
    run("attack", *words, "--run.name", "a", "--run.root", tmp_path)
    assert len(list((tmp_path / "a" / "marked").glob("*.png"))) == 4


@pytest.mark.parametrize("config", files("experiment"))
def test_an_experiment_runs_whole(config, tmp_path):
    run("fit", "classifier", "--config", config, *TINY, "--epochs", 1, "--run.root", tmp_path)
    assert list(tmp_path.glob("*/checkpoints/best.ckpt"))
