"""What an offline W&B run holds, read back without W&B's own reader."""

import base64
import csv
import getpass
import io
import json
import re
import socket
from importlib.metadata import version

import numpy as np
import pytest
import wandb
from PIL import Image

from miad.cli import main
from miad.data import Phantom
from miad.evaluation.calls import read_calls
from tests.commands.conftest import going_down_half_way, save_run

from .offline import config, ended_records, history, key_of, measures, offline_file, read_records, same, started

IMAGES = 5
HOME, PLACE, USER = "home-of-nobody", "place-of-nobody", "user-nobody"
WORDS = ["attack", "--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0"]
WORDS += ["--data.test", str(IMAGES), "--sources", "net", "--search", "random", "--run.root", "runs"]
WORDS += ["--no_run.progress", "--run.accelerator", "cpu", "--pictures", "3"]


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
    return ended_records(run)


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


def test_the_reader_reads_whole_records(records):
    kinds = {record.WhichOneof("record_type") for record in records}
    assert {"run", "history", "exit"} <= kinds
    assert [record.num for record in records] == sorted(record.num for record in records)


def test_the_last_history_holds_the_numbers_of_the_metrics_file(run, records):
    logged, expected = history(records), measures(run)
    assert expected["images"] == IMAGES
    assert all(same(logged[name], value) for name, value in expected.items())


def test_the_summary_holds_the_numbers_of_the_metrics_file(run, records):
    summary = {}
    for record in records:
        summary |= {key_of(item): item.value_json for item in record.summary.update}
    if summary:  # W&B leaves the summary to its server where it follows from the history
        assert all(same(json.loads(summary[name]), value) for name, value in measures(run).items() if name in summary)


def test_the_run_is_named_and_holds_its_configuration(records):
    run, found = started(records), config(records)
    assert (run.display_name, run.project) == ("one", "miad")
    assert (run.run_group, run.job_type, set(run.tags)) == ("Phantom", "attack", {"Phantom", "random", "net"})
    assert (found["sources"], found["alpha_max"]) == ("net", 220)


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


def test_what_computed_is_in_the_configuration(run, records):
    (call,) = read_calls(run)
    assert config(records)["machine"] == call.facts
    assert call.facts["torch"] == version("torch")


def test_neither_load_nor_code_nor_lists_of_packages_are_told(run, records):
    kinds = {record.WhichOneof("record_type") for record in records}
    assert "stats" not in kinds
    assert not {path.name for path in sent_files(run)} & {"wandb-metadata.json", "requirements.txt", "diff.patch"}
    assert not any(path.suffix == ".py" for path in sent_files(run))


DATA = ["--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0", "--data.test", "9"]
COMMON = ["--run.root", "runs", "--no_run.progress", "--run.accelerator", "cpu", "--run.wandb", "offline"]


def figures_of(run):
    """The figures that a W&B run logged, by name, as the run has them."""
    files = offline_file(run).parent / "files"
    found = {re.fullmatch(r"figures/(\w+)/path", name): value for name, value in history(ended_records(run)).items()}
    return {name[1]: files / value for name, value in found.items() if name}


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
    for name in ("two", "three"):
        records = ended_records(place / "runs" / name)
        assert {record.run.display_name for record in records if record.WhichOneof("record_type") == "run"} == {name}
        assert "success_rate" in history(records)


def test_a_resumed_run_stays_one_run_in_wandb(place):
    with going_down_half_way():
        main([*WORDS, "--images", "2", "--run.name", "four"])
    wandb.finish(1)
    go("--images", "2", "--run.name", "four")
    wandb.finish()
    paths = (place / "runs" / "four").glob("wandb/offline-run-*/*.wandb")
    starts = [record.run for path in paths for record in read_records(path) if record.HasField("run")]
    assert len(starts) >= 2
    assert len({start.run_id for start in starts}) == 1


def test_no_pixel_is_logged_unless_asked(place):
    go("--run.name", "bare", "--pictures", "0")
    run = place / "runs" / "bare"
    assert (run / "lesions.png").is_file()  # drawn all the same, for the folder
    records = ended_records(run)
    assert pictures(run) == []
    assert {path.suffix for path in sent_files(run)} == {".json"}  # the tables of curves and counts
    assert not [name for name in history(records) if name.startswith(("marked/", "figures/"))]


def test_off_writes_no_wandb_folder(place):
    go("--run.name", "off", "--run.wandb", "off")
    assert (place / "runs" / "off" / "metrics.csv").is_file()
    assert not (place / "runs" / "off" / "wandb").exists()
