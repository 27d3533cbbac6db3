"""Every mistake a user can make ends with code 2, one line, and nothing written."""

import numpy as np
import pytest
from PIL import Image

from miad.cli import main
from tests.commands.conftest import save_run

LABELS = ("glioma", "meningioma", "pituitary")


def write_images(folder, count=12, size=48):
    generator = np.random.default_rng(0)
    for index in range(count):
        pixels = generator.integers(0, 256, (size, size)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")


def write_table(folder, change=lambda lines: None):
    lines = [
        ["image", "label", "split"],
        *([f"{index}.png", LABELS[index % 3], ("train", "val", "test")[index // 3 % 3]] for index in range(12)),
    ]
    change(lines)
    (folder / "labels.csv").write_text("\n".join(map(",".join, lines)) + "\n")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with images, a table and a checkpoint."""
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path)
    write_table(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def net(tmp_path_factory):
    return save_run(tmp_path_factory.mktemp("net") / "net", 0)


RUN = ["--run.name", "a", "--run.root", "runs", "--run.wandb", "off", "--no_run.progress", "--run.accelerator", "cpu"]


def refused(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    err = capsys.readouterr().err
    assert stop.value.code == 2, err
    assert err.startswith("miad: error: "), err
    assert err.count("\n") == 1
    assert len(err) < 600
    return err


def attack(capsys, net, *words):
    return refused(capsys, "attack", "--data", "labels.csv", "--sources", net, "--search", "random", *RUN, *words)


def fit(capsys, *words):
    network = ["--model.backbone", "test_resnet", "--model.size", "32", "--epochs", "1", "--data.batch_size", "4"]
    return refused(capsys, "fit", "classifier", "--data", "labels.csv", *network, *RUN, *words)


def test_the_place_is_sound(place, net):
    with pytest.raises(SystemExit) as stop:
        main(["attack", "--data", "labels.csv", "--sources", str(net), "--search", "random", *RUN])
    assert stop.value.code == 0
    assert len(list((place / "runs/a/marked").iterdir())) == 3


def missing_file(place):
    (place / "7.png").unlink()


def truncated_image(place):
    for index in range(12):
        path = place / f"{index}.png"
        path.write_bytes(path.read_bytes()[:700])


def empty_label(place):
    write_table(place, lambda lines: lines[5].__setitem__(1, ""))


def image_twice(place):
    write_table(place, lambda lines: lines.append(lines[4]))


def unknown_split(place):
    write_table(place, lambda lines: lines[2].__setitem__(2, "exam"))


def no_label_column(place):
    write_table(place, lambda lines: lines[0].__setitem__(1, "class"))


def no_rows(place):
    write_table(place, lambda lines: lines.__delitem__(slice(1, None)))


def text_for_an_image(place):
    for index in range(12):
        (place / f"{index}.png").write_text("not a picture")


def four_channels(place):
    for index in range(12):
        Image.fromarray(np.full((48, 48, 4), 90, np.uint8)).save(place / f"{index}.png")


def table_is_a_picture(place):
    (place / "0.png").rename(place / "labels.csv")


def table_is_absent(place):
    (place / "labels.csv").unlink()


TABLES = [
    (missing_file, "7.png: no such file"),
    (truncated_image, "can not be decoded"),
    (empty_label, "line 6: the label is empty"),
    (image_twice, "3.png is listed twice"),
    (unknown_split, "exam"),
    (no_label_column, "label"),
    (no_rows, "at least one row"),
    (text_for_an_image, "not an image file"),
    (four_channels, "8- or 16-bit grey or RGB"),
    (table_is_a_picture, "labels.csv"),
    (table_is_absent, "labels.csv: no such table"),
]


@pytest.mark.parametrize("command", ["fit", "attack"])
@pytest.mark.parametrize(("spoil", "expected"), TABLES)
def test_a_bad_table_or_image_is_named(place, net, capsys, command, spoil, expected):
    spoil(place)
    err = fit(capsys) if command == "fit" else attack(capsys, net)
    assert expected in err
    assert not (place / "runs").exists()


def test_a_class_without_training_images_is_named(place, capsys):
    write_table(place, lambda lines: [line.__setitem__(2, "val") for line in lines if line[1] == "pituitary"])
    assert "pituitary" in fit(capsys)
    assert not (place / "runs").exists()


def test_a_table_without_training_images_is_refused(place, capsys):
    write_table(place, lambda lines: [line.__setitem__(2, "test") for line in lines[1:]])
    assert "train" in fit(capsys)
    assert not (place / "runs").exists()


@pytest.fixture
def logos(place):
    """Logos: without a visible pixel, and one whose thin lines vanish when it is made small."""
    Image.new("RGBA", (40, 40), (255, 0, 0, 90)).save(place / "clear.png")
    thin = np.zeros((400, 400, 4), np.uint8)
    thin[::40, ::40] = thin[-1, -1] = 255
    Image.fromarray(thin).save(place / "thin.png")
    (place / "text.png").write_text("not a picture")
    return place


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--scale", "0.5"], "expected --scale of at least 1, found 0.5; the logo"),
        (["--scale", "0"], "scale"),
        (["--scale", "-1"], "scale"),
        (["--scale", "nan"], "scale"),
        (["--scale", "inf"], "scale"),
        (["--scale", "40"], "too small"),
        (["--scale", "big"], "scale"),
        (["--logo", "clear.png"], "visible pixel"),
        (["--logo", "thin.png"], "visible pixel"),
        (["--logo", "text.png"], "text.png"),
        (["--logo", "absent.png"], "absent.png"),
        (["--alpha_min", "0"], "alpha_min"),
        (["--alpha_max", "256"], "alpha_max"),
        (["--search", "Nonsense"], "Nonsense"),
        (["--search", "he", "--search.population", "0"], "expected --search.population of at least 1, found 0"),
        (["--search", "random", "--search.draws", "0"], "draws"),
        (["--search", "random", "--search.sit", "1"], "sit"),
        (["--images", "many"], "images"),
        (["--images", "0"], "expected --images of at least 1, found 0"),
        (["--images", "-1"], "images"),
        (["--batch_size", "0"], "expected --batch_size of at least 1, found 0"),
        (["--batch_size", "0", "--images", "0"], "expected --images of at least 1, found 0"),
        (["--pictures", "-1"], "expected --pictures of at least 0, found -1"),
        (["--stop.budget", "1"], "expected --stop.budget of at least 2, found 1"),
        (["--vaccine.kind", "noise", "--vaccine.eps", "0"], "expected --vaccine.eps of at least 1, found 0; for"),
        (["--batch_size", "1.5"], "batch_size"),
        (["--ensemble", "maybe"], "maybe"),
        (["--success", "some"], "success"),
        (["--split", "exam"], "exam"),
        (["--per_class", "0"], "expected --per_class of at least 1, found 0"),
        (["--per_class", "2"], "expected 2 images of every class, found 1 of glioma; give a smaller per_class"),
        (["--per_class", "few"], "per_class"),
        (["--success", "2"], "expected success of mean, all, or 1 to 1 sources, found 2"),
        (["--success", "0"], "expected success of mean, all, or 1 to 1 sources, found 0"),
        (["--data.workers", "-1"], "expected --data.workers of at least 0, found -1"),
        (["--data.size", "0"], "expected --data.size of at least 1, found 0"),
        (["--weights", "[1, 2]"], "weights"),
        (["--weights", "[0]"], "weights"),
        (["--sources", ""], "source"),
        (["--sources", "nowhere"], "nowhere"),
        (["--sources", "labels.csv"], "labels.csv"),
        (["--run.accelerator", "abacus"], "abacus"),
        (["--run.devices", "0"], "expected --run.devices of at least 1, found 0"),
        (["--run.seed", "-1"], "expected --run.seed of at least 0, found -1"),
        (["--run.seed", "one"], "seed"),
        (["--run.precision", "8"], "precision"),
        (["--config", "absent.yaml"], "absent.yaml"),
        (["--alpha", "5"], "alpha"),
    ],
    ids=lambda value: "-".join(value).strip("-") if isinstance(value, list) else "",
)
def test_a_bad_option_of_attack_is_named(logos, net, capsys, words, expected):
    assert expected in attack(capsys, net, *words)
    assert not (logos / "runs").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--epochs", "many"], "epochs"),
        (["--epochs", "0"], "epochs"),
        (["--epochs", "-2"], "epochs"),
        (["--patience", "0"], "expected --patience of at least 1, found 0"),
        (["--patience", "long"], "patience"),
        (["--best", "loss"], "best"),
        (["--model.backbone", "resnet19"], "resnet19"),
        (["--model.size", "0"], "expected --model.size of at least 1, found 0"),
        (["--model.lr", "-1"], "expected --model.lr above 0, found -1.0"),
        (["--model.loss", "hinge"], "loss"),
        (["--model.weights", "absent.pt"], "absent.pt"),
        (["--data.batch_size", "0"], "batch_size"),
        (["--data.classes", "[glioma, meningioma]"], "pituitary"),
    ],
    ids=lambda value: "-".join(value).strip("-") if isinstance(value, list) else "",
)
def test_a_bad_option_of_fit_is_named(place, capsys, words, expected):
    assert expected in fit(capsys, *words)
    assert not (place / "runs").exists()


def test_images_smaller_than_a_visible_logo_are_refused(place, net, capsys):
    write_images(place, size=7)
    assert "too small" in attack(capsys, net)
    assert not (place / "runs").exists()


def test_a_lesion_mask_of_another_size_is_named(place, net, capsys):
    Image.new("L", (30, 30)).save(place / "mask.png")
    write_table(place, lambda lines: [line.append("mask" if line is lines[0] else "mask.png") for line in lines])
    assert "expected a mask of 48x48" in attack(capsys, net)
    assert not (place / "runs").exists()


@pytest.mark.parametrize("classes", [["glioma", "meningioma"], ["pituitary", "glioma", "meningioma"]])
@pytest.mark.parametrize("option", ["--sources", "--unseen"])
def test_a_checkpoint_of_other_classes_is_refused(place, net, capsys, tmp_path, option, classes):
    other = save_run(tmp_path / "other", 1, classes=classes)
    assert f"tells {len(classes)} classes apart" in attack(capsys, net, option, other)
    assert "classes apart" in refused(capsys, "test", "classifier", "--data", "labels.csv", "--checkpoint", other, *RUN)
    assert not (place / "runs").exists()


def test_the_same_classifier_twice_is_refused(place, net, capsys):
    assert "once" in attack(capsys, net, "--unseen", net)
    assert not (place / "runs").exists()


@pytest.mark.parametrize("command", ["fit classifier", "test classifier", "attack", "evaluate transfer", "recover"])
def test_a_command_without_its_arguments_is_refused(place, capsys, command):
    refused(capsys, *command.split())
    assert not (place / "runs").exists()
