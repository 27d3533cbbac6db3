"""Names that try to lead elsewhere: in tables, in marked folders, as names of runs; nothing is written outside."""

import os

import numpy as np
import pytest
from PIL import Image

from miad.cli import main
from miad.commands.recover import recover
from miad.data import output_names
from miad.imaging import read_image

from .conftest import save_run

LABELS = ("glioma", "meningioma", "pituitary")
RUN = ["--run.name", "a", "--run.root", "work/runs", "--run.wandb", "off", "--no_run.progress", "--search", "random"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with images inside and outside of the folder of the table."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    for name in ("work/data/in", "outside", "work/data/" + "n" * 250):
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(generator.integers(0, 256, (48, 48)).astype(np.uint8)).save(path)
    (tmp_path / "work/data/link.png").symlink_to(tmp_path / "outside.png")
    os.mkfifo(tmp_path / "work/data/pipe.png")
    save_run(tmp_path / "net", 0)
    return tmp_path


def table(place, *names):
    rows = [f'"{name}",{LABELS[index % 3]},test' for index, name in enumerate(names)]
    (place / "work/data/labels.csv").write_text("image,label,split\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return place / "work/data/labels.csv"


def test_marks_of_images_from_elsewhere_stay_in_the_run(place):
    """An image may lie anywhere; what is written for it lies below marked/, also for the longest name."""
    names = ["in.png", "../../outside.png", str(place / "outside.png"), "link.png", "n" * 250 + ".png"]
    before = {path: path.read_bytes() for path in place.rglob("*.png") if path.is_file()}
    with pytest.raises(SystemExit) as stop:
        main(["attack", "--data", str(table(place, *names)), "--sources", "net", *RUN])
    assert stop.value.code == 0
    folder = place / "work/runs/a"
    assert len([path for path in (folder / "marked").rglob("*.png") if not path.is_symlink()]) == len(names)
    written = {path for path in place.rglob("*.png") if path.is_file() and folder not in path.parents}
    assert {path: path.read_bytes() for path in written} == before
    assert recover(folder / "a.miadkey", folder / "marked", place / "out") == len(names)
    sources = {(place / "work/data" / name).resolve() for name in names}
    found = {read_image(path).tobytes() for path in (place / "out").rglob("*.png")}
    assert found == {read_image(path).tobytes() for path in sources}


@pytest.mark.parametrize(
    "name", ["/dev/zero", "/dev/stdin", "pipe.png", "a\0b.png", "a\x1b[2Jb.png", "x" * 300 + ".png", "."]
)
def test_a_name_of_no_file_is_one_line(place, name, capsys):
    words = ["attack", "--data", str(table(place, "in.png", name)), "--sources", "net", *RUN]
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("miad: error: ")
    assert "labels.csv" in said
    assert said.removesuffix("\n").isprintable()
    assert not (place / "work/runs").exists()


def test_names_lead_nowhere():
    ids = ["../../etc/passwd", "/etc/shadow", "..\\..\\boot.ini", "a/../../b.png", "C:\\x.png", "...", "a/./b.png"]
    for name in output_names(ids).values():
        assert not name.startswith("/")
        assert ".." not in name.split("/")
        assert "\\" not in name


def test_a_marked_folder_with_pipes_devices_and_circles_is_walked(place, tmp_path):
    """What is no file is passed over, and what is none of the key's is named."""
    with pytest.raises(SystemExit):
        main(
            ["attack", "--data", str(table(place, "in.png", "link.png", "n" * 250 + ".png")), "--sources", "net", *RUN]
        )
    marked = place / "work/runs/a/marked"
    os.mkfifo(marked / "pipe.png")
    (marked / "zero.png").symlink_to("/dev/zero")
    (marked / "circle.png").symlink_to("circle.png")
    (marked / "up").symlink_to("..")
    assert recover(place / "work/runs/a/a.miadkey", marked, place / "out") == 3
    assert len(list((place / "out").rglob("*.*"))) == 3
