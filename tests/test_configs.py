"""Every shipped config parses, and does its work for one batch on the phantom."""

import re
import shutil
import warnings
from dataclasses import replace
from pathlib import Path

import pytest
import segmentation_models_pytorch as smp
import timm
import yaml

from miad.cli import main
from miad.evaluation.papers import alike, read_paper
from miad.models import REMOVERS
from miad.tasks import RemoverRecipe
from miad.vaccine import PAPER, VaccineOptions

from .commands.conftest import save_remover, save_run
from .data import trees

CONFIGS = Path(__file__).parent.parent / "configs"
QUIET = ["--run.wandb", "off", "--no_run.progress", "--run.accelerator", "cpu"]
TINY = ["--data.train", "9", "--data.val", "9", "--data.test", "4", "--data.batch_size", "9", *QUIET]
NETWORK = ["--model.backbone", "test_resnet", "--model.size", "32"]
SEGMENTER = ["--model.encoder", "tu-test_resnet", "--model.size", "32", "--model.width", "16"]
ONE_CLASS = {"idrid_lesions"}
"""Data sets that have nothing to classify."""


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


PUBLISHED = [path for path in files("data") if not path.id.startswith("phantom")]
DRAWN = [path for path in files("data") if path.id.startswith("phantom")]


@pytest.mark.parametrize("config", DRAWN)
def test_a_drawn_data_config_trains(config, tmp_path):
    run(
        "fit", "classifier", "--data", config, *TINY, *NETWORK, "--epochs", 1, "--run.name", "a", "--run.root", tmp_path
    )
    assert (tmp_path / "a" / "checkpoints" / "best.ckpt").is_file()


@pytest.mark.parametrize("config", PUBLISHED)
def test_a_data_config_trains_on_a_tree_of_its_publishers_layout(config, tmp_path):
    getattr(trees, config.stem)(tmp_path / "tree")
    network, options = ("segmenter", SEGMENTER) if config.stem in ONE_CLASS else ("classifier", NETWORK)
    words = ["--data", config, "--data.root", tmp_path / "tree", "--data.batch_size", 4, *options, *QUIET]
    words += ["--data.per_class", 1] if config.stem == "eyepacs" else []
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*labelled images, published are.*")
        run("fit", network, *words, "--epochs", 1, "--run.name", "a", "--run.root", tmp_path)
    assert (tmp_path / "a" / "checkpoints" / "best.ckpt").is_file()


@pytest.fixture
def build(monkeypatch):
    """A function that runs a training up to the call that would build its network, and gives that call's arguments."""

    def stop_at(library, function, network, config):
        calls = []

        def create(name, **options):
            calls.append((name, options))
            raise KeyboardInterrupt  # nothing is built, and nothing takes it for an error of its own

        monkeypatch.setattr(library, function, create)
        with pytest.raises(SystemExit):
            main(["fit", network, "--data", "Phantom", "--model", str(config), "--run.name", "a"])
        (call,) = calls
        return call

    return stop_at


@pytest.mark.parametrize("config", files("classifier"))
def test_a_classifier_config_builds_its_network(config, build):
    name, options = build(timm, "create_model", "classifier", config)
    assert timm.is_model(name)
    assert options["pretrained"] == (not config.stem.endswith(("_96", "_128")))


@pytest.mark.parametrize("config", files("segmenter"))
def test_a_segmenter_config_builds_its_network(config, build):
    encoder, options = build(smp, "UnetPlusPlus", "segmenter", config)
    assert encoder in smp.encoders.get_encoder_names()
    assert options["encoder_weights"] == (None if config.stem.endswith(("_128", "_768")) else "imagenet")


@pytest.mark.parametrize("config", files("remover"))
def test_a_remover_config_has_its_width(config):
    recipe = RemoverRecipe(**yaml.safe_load(config.read_text()))
    narrow = config.stem.endswith("_96")
    assert config.stem.removesuffix("_96") == recipe.network
    assert (recipe.base_channels < REMOVERS[recipe.network].width) == narrow
    assert narrow or recipe.base_channels == REMOVERS[recipe.network].width


@pytest.mark.parametrize("config", files("vaccine"))
def test_a_vaccine_config_marks(config, trained, tmp_path):
    remover = save_remover(tmp_path / "remover", "wdnet", 4)
    words = ["--data", "Phantom", *TINY, "--data.size", 32, "--sources", trained, "--search", "random"]
    words += ["--removers", remover, "--vaccine", config, "--vaccine.steps", 2]
    run("attack", *words, "--run.name", "a", "--run.root", tmp_path)
    assert len(list((tmp_path / "a" / "marked").glob("*.png"))) == 4


@pytest.mark.parametrize("kind", ["delta_d", "delta_i"])
def test_the_papers_vaccines_are_the_preset(kind):
    options = yaml.safe_load((CONFIGS / "vaccine" / f"paper_{kind}.yaml").read_text())
    assert VaccineOptions(**options) == replace(PAPER, kind=kind)
    options = yaml.safe_load((CONFIGS / "vaccine" / f"{kind}.yaml").read_text())
    assert VaccineOptions(**options) == VaccineOptions(kind)


@pytest.mark.parametrize("config", files("search"))
def test_a_search_config_marks(config, trained, tmp_path):
    words = ["--data", "Phantom", *TINY, "--sources", trained, "--search", config, "--stop.budget", 300]
    run("attack", *words, "--run.name", "a", "--run.root", tmp_path)
    assert len(list((tmp_path / "a" / "marked").glob("*.png"))) == 4


@pytest.mark.parametrize("config", files("lesions"))
def test_a_lesion_config_marks(config, trained, tmp_path):
    words = ["--data", "Phantom", *TINY, "--sources", trained, "--search", "random", "--lesions", config]
    run("attack", *words, "--run.name", "a", "--run.root", tmp_path)
    assert (tmp_path / "a" / "attack.csv").is_file()


REPORTED = [path for path in files("experiment") if path.id.startswith(("miad_", "medlocker_"))]
TRAINED = [path for path in files("experiment") if path not in REPORTED]


@pytest.mark.parametrize("config", TRAINED)
def test_an_experiment_trains_one_batch(config, tmp_path):
    network, path = re.match(r"# miad fit (\w+) --config (\S+?):", config.read_text()).groups()
    assert path == config.relative_to(CONFIGS.parent).as_posix()
    words = ["--config", config, "--data", "Phantom", *TINY, "--epochs", 1]
    match network:
        case "classifier":
            words += ["--no_model.pretrained"]
        case "segmenter":  # many tiles make up an image of full size
            words += ["--no_model.pretrained", "--data.train", 2, "--data.val", 1, "--data.batch_size", 2, "--crops", 1]
        case "remover":
            words += ["--data.size", 32, "--data.train", 4, "--data.val", 2, "--data.batch_size", 2]
            words += ["--pairs.logos", "emblem"]
    run("fit", network, *words, "--run.root", tmp_path)
    (best,) = tmp_path.glob("*/checkpoints/best.ckpt")
    shutil.rmtree(best.parent)  # up to 3 GB


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Two classifiers that nobody trained."""
    root = tmp_path_factory.mktemp("tiny")
    return {
        "images": [save_run(root / f"net{number}", number) for number in (1, 2)],
        "grades": [save_run(root / f"grade{number}", number, classes=GRADES) for number in (1, 2)],
    }


GRADES = [f"grade {grade}" for grade in range(4)]
ONLY = {"miad": "fig3", "medlocker": "table1", "medlocker_idrid": "table3", "medlocker_idrid_128": "table3"}
"""A figure or table of each report that needs few cells."""


@pytest.mark.parametrize("config", REPORTED)
def test_a_report_fills_a_table(config, tiny, tmp_path, written):
    told = yaml.safe_load(config.read_text())
    assert config.read_text().startswith(
        f"# miad report --experiment {config.relative_to(CONFIGS.parent).as_posix()}: "
    )
    kind = "images" if told["paper"] == "miad" else "grades"
    models = dict(zip(told["models"], (str(net) for net in tiny[kind]), strict=False))
    drawn = {"kind": "brain" if kind == "images" else "fundus", "size": 32, "train": 0, "val": 0, "test": 8}
    words = ["--experiment", config, "--experiment.data", yaml.safe_dump({"class_path": "Phantom", "init_args": drawn})]
    words += ["--experiment.models", yaml.safe_dump(models), "--experiment.main", next(iter(models))]
    words += ["--experiment.removers", "{}", "--experiment.ensemble", yaml.safe_dump([*models])]
    words += ["--experiment.mark.mask", "given", "--experiment.sizes", "{per_class: 1, pictures: 1}"]
    words += ["--experiment.healthy", GRADES[0]] if told.get("healthy") else []
    only = ONLY.get(config.stem, ONLY[told["paper"]])
    run("report", *words, "--only", only, "--root", tmp_path, "--accelerator", "cpu", "--no_progress")
    (report,) = written
    (table,) = [block for section in report.sections for block in section.blocks if getattr(block, "name", "") == only]
    assert table.rows
    assert "missing" not in report.summary[-1]


@pytest.mark.parametrize("config", [path for path in REPORTED if path.id != "miad_phantom"])
def test_a_report_names_what_the_paper_has(config):
    told = yaml.safe_load(config.read_text())
    numbers = read_paper(told["paper"]).numbers
    assert told["dataset"] in {number.data for number in numbers}
    named = {alike(part) for number in numbers for part in number.subject.split("/")}
    assert {alike(name) for name in told.get("removers", ())} <= named
    # Table 3 and Figure 4a have one classifier, which their numbers do not name.
    assert {alike(name) for name in told["models"]} <= named | {"resnet18"}
