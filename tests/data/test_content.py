"""The content of a data set is all that results depend on, and nothing else."""

import numpy as np
import pytest

from miad.data import Table, content_digest
from miad.errors import InputError
from miad.imaging import write_png


@pytest.fixture
def folder(tmp_path):
    generator = np.random.default_rng(0)
    for name in "abcdefgh":
        write_png(tmp_path / f"{name}.png", generator.integers(0, 256, (8, 10), np.uint8))
        write_png(tmp_path / f"{name}-mask.png", 255 * np.eye(8, 10, dtype=np.uint8))
    rows = [f"{name}.png,{'xy'[index % 2]},{name}-mask.png,val" for index, name in enumerate("abcdefgh")]
    (tmp_path / "list.csv").write_text("\n".join(["image,label,mask,split", *rows]))
    return tmp_path


def digest(folder, **options):
    return content_digest(Table(folder / "list.csv", **options).split("val"))


def test_the_same_content_has_the_same_digest(folder):
    assert digest(folder) == digest(folder, batch_size=3, workers=0)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: write_png(folder / "c.png", np.zeros((8, 10), np.uint8)),
        lambda folder: write_png(folder / "c-mask.png", np.zeros((8, 10), np.uint8)),
        lambda folder: (folder / "list.csv").write_text(
            (folder / "list.csv").read_text().replace("c.png,x", "c.png,y")
        ),
    ],
    ids=["pixels", "mask", "label"],
)
def test_other_content_has_another(folder, change):
    before = digest(folder)
    change(folder)
    assert digest(folder) != before


def test_the_working_size_belongs_to_the_content(folder):
    assert digest(folder, size=4) != digest(folder)


def test_a_file_that_is_no_image_is_named(folder):
    (folder / "c.png").write_text("not an image")
    with pytest.raises(InputError, match=r"c\.png"):
        digest(folder)
