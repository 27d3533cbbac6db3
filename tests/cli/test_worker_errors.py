"""What a loader process finds wrong is told as shortly as what the command itself finds."""

import pytest
from PIL import Image

from miad.cli import main
from tests.cli.test_bad_input import RUN, write_images, write_table


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_while_a_batch_is_made_is_one_line(tmp_path, monkeypatch, capfd, workers):
    monkeypatch.chdir(tmp_path)
    write_images(tmp_path)
    write_table(tmp_path)
    Image.new("L", (40, 40)).save("1.png")  # a training image; batches need one size
    words = ["fit", "remover", "--data", "labels.csv", "--data.batch_size", "6", "--data.workers", str(workers)]
    words += ["--model.base_channels", "2", "--pairs.logos", "emblem", "--epochs", "1", *RUN]
    with pytest.raises(SystemExit) as stop:
        main(words)
    error = [line for line in capfd.readouterr().err.splitlines() if "Warning" not in line and "warn" not in line]
    assert stop.value.code == 2
    assert error == ["miad: error: expected images of one size, found 40x40 and 48x48; give a data.size"]
