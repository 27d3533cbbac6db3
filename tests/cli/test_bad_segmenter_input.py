"""Every mistake with a segmenter ends with code 2, one line, and nothing written."""

import pytest
from PIL import Image

from tests.cli.test_bad_input import RUN, refused, write_images, write_table

NETWORK = {"--model.encoder": "tu-test_resnet", "--model.size": 32, "--model.width": 16, "--epochs": 1}


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with images and masks in a table."""
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path)

    def with_masks(lines):
        lines[0].append("mask")
        for line in lines[1:]:
            line.append(f"mask-{line[0]}")
            Image.new("L", (48, 48), 255).save(tmp_path / line[-1])

    write_table(tmp_path, with_masks)
    return tmp_path


def fit(capsys, *words, **network):
    options = NETWORK | {f"--model.{name}": value for name, value in network.items()}
    flat = [word for pair in options.items() for word in pair]
    return refused(capsys, "fit", "segmenter", "--data", "labels.csv", "--data.batch_size", 4, *flat, *RUN, *words)


def assert_nothing_written(place):
    assert not (place / "runs").exists()


def test_a_data_set_without_masks(place, capsys):
    write_table(place)
    assert "expected images with lesion masks in the split 'train', found none in 6 images" in fit(capsys)
    assert_nothing_written(place)


def test_a_mask_of_another_size(place, capsys):
    Image.new("L", (20, 30), 255).save(place / "mask-1.png")
    assert "mask-1.png: expected a mask of 48x48 as 1.png, found 20x30" in fit(capsys)
    assert_nothing_written(place)


def test_an_unknown_encoder(place, capsys):
    assert "expected the name of an encoder, found 'resnet43'; did you mean resnet34" in fit(capsys, encoder="resnet43")
    assert_nothing_written(place)


def test_a_tile_that_does_not_halve_five_times(place, capsys):
    assert "expected a tile that is a multiple of 32, found 33" in fit(capsys, tile=33)
    assert_nothing_written(place)


def test_an_unknown_column_of_a_kind(place, capsys):
    words = ["--data.kinds", "{exudates: mask_ex}"]
    assert "expected a column mask_ex with the masks of exudates, found image, label, split, mask" in fit(
        capsys, *words
    )
    assert_nothing_written(place)


def test_a_working_size(place, capsys):
    assert "found data.size 32; leave it out" in fit(capsys, "--data.size", 32)
    assert_nothing_written(place)


def test_weights_that_are_not_there(place, capsys):
    assert "nowhere.ckpt: no such checkpoint; train one with 'miad fit segmenter'" in fit(
        capsys, weights="nowhere.ckpt"
    )
    assert_nothing_written(place)


def test_a_checkpoint_that_is_not_there(place, capsys):
    err = refused(capsys, "test", "segmenter", "--data", "labels.csv", "--checkpoint", "nowhere", *RUN)
    assert "nowhere: no such checkpoint; train one with 'miad fit segmenter'" in err
    assert_nothing_written(place)


def test_a_wrong_word(capsys):
    assert "did you mean 'miad fit segmenter'?" in refused(capsys, "fit", "segmentor")
