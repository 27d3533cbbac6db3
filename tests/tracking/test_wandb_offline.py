"""What an offline W&B run holds, read back without W&B's own reader."""

import base64
import csv
import getpass
import io
import json
import math
import re
import socket
import struct

import numpy as np
import pytest
import wandb
from PIL import Image
from wandb.proto.wandb_internal_pb2 import Record

from miad.cli import main
from miad.data import Phantom
from miad.tasks import MarkingWriter
from tests.commands.conftest import save_run

IMAGES = 5
HOME, PLACE, USER = "home-of-nobody", "place-of-nobody", "user-nobody"
WORDS = ["attack", "--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0"]
WORDS += ["--data.test", str(IMAGES), "--sources", "net", "--search", "random", "--run.root", "runs"]
WORDS += ["--no_run.progress", "--run.accelerator", "cpu", "--pictures", "3"]


def read_records(path):
    """Records of a .wandb file: LevelDB's log format in blocks of 32 KiB, after W&B's header of seven bytes."""
    data, position, parts = path.read_bytes(), 7, b""
    assert data[:4] == b":W&B"
    while position < len(data):
        left = -position % 32768
        if left < 7:  # no room for a header: the rest of the block is padding
            position += left
            continue
        _, length, kind = struct.unpack_from("<IHB", data, position)
        if kind == 0:
            position += left or 32768
            continue
        parts += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # full, last
            yield Record.FromString(parts)
            parts = b""


def go(*words):
    with pytest.raises(SystemExit) as stop:
        main([*WORDS, *words])
    assert stop.value.code == 0


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A working folder whose path names things that must not travel."""
    patch = pytest.MonkeyPatch()
    folder = tmp_path_factory.mktemp("wandb") / HOME / PLACE
    folder.mkdir(parents=True)
    wandb.teardown()  # W&B's helper process keeps the working folder that it was started in
    patch.chdir(folder)
    patch.setenv("HOME", str(folder.parent))
    for name in ("USER", "LOGNAME", "USERNAME", "LNAME"):
        patch.setenv(name, USER)
    for name in ("WANDB_DIR", "WANDB_DATA_DIR", "WANDB_CACHE_DIR", "XDG_DATA_HOME", "XDG_CACHE_HOME", "WANDB_MODE"):
        patch.delenv(name, raising=False)
    assert getpass.getuser() == USER
    save_run(folder / "net", 1)
    yield folder
    wandb.teardown()
    patch.undo()


@pytest.fixture(scope="module")
def run(place):
    """A finished run, with W&B's files closed as they are when the process ends."""
    go("--run.name", "one")
    wandb.finish()
    return place / "runs" / "one"


@pytest.fixture(scope="module")
def records(run):
    (path,) = run.glob("wandb/offline-run-*/*.wandb")
    return list(read_records(path))


def sent_files(run):
    """What 'wandb sync' would send beside the records."""
    return [path for path in run.glob("wandb/offline-run-*/files/**/*") if path.is_file()]


def pictures(run):
    """Every picture below the folder of the W&B run, decoded."""
    found = []
    for path in run.glob("wandb/**/*"):
        if path.is_file() and not path.is_symlink():
            try:
                with Image.open(io.BytesIO(path.read_bytes())) as file:
                    found.append(np.array(file.convert("L")))
            except OSError:
                continue
    return found


def measures(run):
    with (run / "metrics.csv").open(newline="") as file:
        return {row["measure"]: float(row["value"]) for row in csv.DictReader(file)}


def number(text):
    return float(json.loads(text))


def same(one, other):
    return one == other or (math.isnan(one) and math.isnan(other))


def key_of(item):
    return item.key or "/".join(item.nested_key)


def test_the_reader_reads_whole_records(records):
    kinds = {record.WhichOneof("record_type") for record in records}
    assert {"run", "history", "exit"} <= kinds
    assert [record.num for record in records] == sorted(record.num for record in records)


def test_the_last_history_holds_the_numbers_of_the_metrics_file(run, records):
    history = {}
    for record in records:
        history |= {key_of(item): item.value_json for item in record.history.item}
    expected = measures(run)
    assert expected["images"] == IMAGES
    assert all(same(number(history[name]), value) for name, value in expected.items())


def test_the_summary_holds_the_numbers_of_the_metrics_file(run, records):
    summary = {}
    for record in records:
        summary |= {key_of(item): item.value_json for item in record.summary.update}
    if summary:  # W&B leaves the summary to its server where it follows from the history
        assert all(same(number(summary[name]), value) for name, value in measures(run).items() if name in summary)


def test_the_run_is_named_and_holds_its_configuration(records):
    (run,) = [record.run for record in records if record.WhichOneof("record_type") == "run"][:1]
    assert (run.display_name, run.project) == ("one", "miad")
    config = {}
    for record in records:
        for part in (record.run.config, record.config):
            config |= {key_of(item): item.value_json for item in part.update}
    assert json.loads(config["sources"]) == "net"
    assert json.loads(config["alpha_max"]) == 220


def table_rows(run):
    """Cells of the HTML table's rows, the picture and the lesion decoded."""
    (path,) = [path for path in sent_files(run) if path.suffix == ".html"]
    assert path.relative_to(run).parts[3:5] == ("media", "html")
    for line in re.findall(r"<tr><td>(.*)</td></tr>", path.read_text()):
        picture, lesion, *cells = line.split("</td><td>")
        yield decoded(picture), decoded(lesion), cells


def decoded(cell):
    data = base64.b64decode(re.search(r"base64,([^\"]+)", cell)[1])
    return np.array(Image.open(io.BytesIO(data)))


def test_the_table_lists_the_chosen_images_with_their_pictures(run):
    with (run / "attack.csv").open(newline="") as file:
        rows = {row["image"]: row for row in csv.DictReader(file)}
    found = list(table_rows(run))
    assert len(found) == 3
    dataset = Phantom("brain", 48, train=0, val=0, test=IMAGES).split("test")
    for picture, lesion, (image, *cells) in found:
        assert np.array_equal(lesion, dataset.lesion_mask(dataset.ids.index(image)))
        with Image.open(run / "marked" / image) as file:
            assert np.array_equal(picture, np.array(file))
        assert cells[:4] == [rows[image][name] for name in ("label", "status", "queries", "alpha")]


def test_the_gallery_lies_below_the_run_so_that_the_folder_can_be_moved_and_sent(run):
    found = pictures(run)
    for marked, _, _ in table_rows(run):
        assert any(np.array_equal(marked, picture) for picture in found)


def test_no_picture_of_an_original_is_kept_by_wandb(run, place):
    dataset = Phantom("brain", 48, train=0, val=0, test=IMAGES).split("test")
    originals = [dataset.pixels(index) for index in range(IMAGES)]
    # W&B's folder, and whatever it keeps below the home folder.
    found = pictures(run) + pictures_below(place.parent / ".local") + pictures_below(place.parent / ".cache")
    assert not any(np.array_equal(original, picture) for original in originals for picture in found)
    blobs = [path.read_bytes() for path in run.glob("wandb/**/*") if path.is_file()]
    for original in originals:
        file = io.BytesIO()
        Image.fromarray(original).save(file, format="png")
        assert not any(file.getvalue() in blob or original.tobytes() in blob for blob in blobs)


def pictures_below(folder):
    found = []
    for path in folder.rglob("*"):
        try:
            with Image.open(path) as file:
                found.append(np.array(file.convert("L")))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("word", [HOME, PLACE, USER])
def test_nothing_that_would_be_sent_names_a_path_or_a_user(run, records, word):
    assert not [str(record) for record in records if word in str(record)]
    assert not [path for path in sent_files(run) if word.encode() in path.read_bytes()]


@pytest.mark.parametrize("word", [HOME, PLACE, USER])
def test_nothing_in_wandb_s_folder_names_a_path_or_a_user(run, word):
    files = [path for path in run.glob("wandb/**/*") if path.is_file()]
    assert [path.name for path in files if word.encode() in path.read_bytes()] == []


def test_the_machine_s_name_is_not_told(run, records):
    assert {record.run.host for record in records if record.WhichOneof("record_type") == "run"} == {"miad"}
    name = re.compile(rf"(?<![\w.-]){re.escape(socket.gethostname())}(?![\w.-])")
    texts = [path.read_text(errors="replace") for path in run.glob("wandb/**/*.*") if path.suffix in (".log", ".json")]
    assert not [text for text in [*map(str, records), *texts] if name.search(text)]


def test_neither_hardware_nor_code_nor_packages_are_told(run, records):
    kinds = {record.WhichOneof("record_type") for record in records}
    assert "stats" not in kinds
    assert not {path.name for path in sent_files(run)} & {"wandb-metadata.json", "requirements.txt", "diff.patch"}
    assert not any(path.suffix == ".py" for path in sent_files(run))


DATA = ["--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0", "--data.test", "9"]
COMMON = ["--run.root", "runs", "--no_run.progress", "--run.accelerator", "cpu", "--run.wandb", "offline"]


def figures_of(run):
    """The figures that a W&B run logged, by name, as the run has them."""
    (path,) = run.glob("wandb/offline-run-*/*.wandb")
    logged = {}
    for record in read_records(path):
        for item in record.history.item:
            if found := re.fullmatch(r"figures/(\w+)/path", key_of(item)):
                logged[found[1]] = path.parent / "files" / json.loads(item.value_json)
    return logged


def assert_figures(run, names):
    figures = figures_of(run)
    assert set(figures) == names
    for name, path in figures.items():
        with Image.open(path) as sent, Image.open(run / f"{name}.png") as drawn:
            assert np.array_equal(np.array(sent), np.array(drawn))


def test_the_figures_of_a_test_are_in_its_run(place):
    with pytest.raises(SystemExit) as stop:
        main(["test", "classifier", *DATA, "--checkpoint", "net", "--run.name", "tested", *COMMON])
    wandb.finish()
    assert stop.value.code == 0
    assert_figures(place / "runs" / "tested", {"roc", "confusion", "calibration"})


def test_the_figures_of_a_table_are_in_its_run_and_no_cell_tells_a_path_or_a_picture(place):
    save_run(place / "net2", 2)
    words = ["--models", f"{place / 'net'},net2", "--searches", "random", "--run.name", "table"]
    with pytest.raises(SystemExit) as stop:
        main(["evaluate", "transfer", *DATA, *words, *COMMON])
    wandb.finish()
    assert stop.value.code == 0
    assert_figures(place / "runs" / "table", {"leave_one_out", "matrix_random"})
    cells = list((place / "runs" / "cells").glob("random-*"))
    assert len(cells) == 2
    for run in [*cells, place / "runs" / "table"]:
        files = [path for path in run.glob("wandb/**/*") if path.is_file()]
        assert any(path.suffix == ".wandb" for path in files)
        for word in (HOME, PLACE, USER):
            assert not [path for path in files if word.encode() in path.read_bytes()]
    assert not [picture for run in cells for picture in pictures(run)]


def test_a_second_run_of_the_same_process_has_a_wandb_run_of_its_own(place, run):
    go("--run.name", "two")
    go("--run.name", "three")
    wandb.finish()
    found = {name: list((place / "runs" / name).glob("wandb/offline-run-*/*.wandb")) for name in ("two", "three")}
    assert {name: len(paths) for name, paths in found.items()} == {"two": 1, "three": 1}
    for name, (path,) in found.items():
        records = list(read_records(path))
        assert {record.run.display_name for record in records if record.WhichOneof("record_type") == "run"} == {name}
        assert any(key_of(item) == "success_rate" for record in records for item in record.history.item)


def test_a_resumed_run_stays_one_run_in_wandb(place, monkeypatch):
    original = MarkingWriter.write_on_batch_end

    def stop(self, *arguments):
        if self.journal.images():
            raise RuntimeError("the machine goes down")
        original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(MarkingWriter, "write_on_batch_end", stop)
        with pytest.raises(RuntimeError, match="goes down"):
            main([*WORDS, "--images", "2", "--run.name", "four"])
    wandb.finish(1)
    go("--images", "2", "--run.name", "four")
    wandb.finish()
    paths = (place / "runs" / "four").glob("wandb/offline-run-*/*.wandb")
    starts = [record.run for path in paths for record in read_records(path) if record.HasField("run")]
    assert len(starts) >= 2
    assert len({start.run_id for start in starts}) == 1


def test_off_writes_no_wandb_folder(place):
    go("--run.name", "off", "--run.wandb", "off")
    assert (place / "runs" / "off" / "metrics.csv").is_file()
    assert not (place / "runs" / "off" / "wandb").exists()
