"""Recovery of a folder: over processes, taken up again, nothing outside of it; what fails is named."""

import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from miad.errors import InputError, RunError
from miad.imaging import draft_of, read_image, write_png
from miad.keys import add_part, open_key, own_identity, recover_folder, write_issuer
from miad.keys import recovery as recovery_module

from .samples import a_folder, a_key, change, marked_images


@pytest.fixture
def marked(tmp_path, images):
    return a_folder(tmp_path / "marked", images)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def key(path, issuer):
    return open_key(path, issuer.identity)


def restored(out):
    """Every file of the output folder, drafts and hidden ones too."""
    return {p.relative_to(out).as_posix(): read_image(p) for p in out.rglob("*") if p.is_file()}


def assert_restored(out, images, names=lambda record: record.file):
    found = restored(out)
    assert found.keys() == {names(record) for _, _, record in images}
    for original, _, record in images:
        assert np.array_equal(found[names(record)], original)


def problems(results):
    return {result.file: result.problem for result in results if result.problem}


def test_every_original_comes_back(key, marked, out, images):
    results = list(recover_folder(key, marked, out))
    assert problems(results) == {}
    assert [result.file for result in results] == sorted(record.file for _, _, record in images)
    assert_restored(out, images)


def test_several_processes_do_and_tell_the_same_as_one_and_no_argument_holds_a_secret(
    path, issuer, marked, tmp_path, images
):
    """With a key of which only a part is open, and images that are altered, missing and unknown."""
    ward = add_part(path, issuer, "ward", [record.marked for _, _, record in images[:5]])
    (marked / images[0][2].file).write_bytes(b"")
    (marked / images[1][2].file).unlink()
    write_png(marked / "holiday.png", images[2][1] ^ 1)
    key, told, seen = open_key(path, ward), [], []
    for processes in (1, 2):
        out = tmp_path / f"out{processes}"
        results = []
        for result in recover_folder(key, marked, out, processes):
            results.append(result)
            seen += arguments_of_processes()
        told.append(results)
        assert_restored(out, images[2:5])
    assert told[0] == told[1]
    assert problems(told[0]).keys() == {images[0][2].file, images[1][2].file, images[5][2].file, "holiday.png"}
    assert any(b"spawn_main" in data for data in seen)
    assert not any(secret.reveal().encode() in data for data in seen for secret in (ward, issuer.identity))


def test_images_of_other_parts_are_told_apart_from_strangers(path, issuer, marked, out, images):
    ward = add_part(path, issuer, "ward", [record.marked for _, _, record in images[:2]])
    other, missing = images[2], images[0][2]
    write_png(marked / missing.file, other[1])  # of another part, under the name of one that is missing
    write_png(marked / "stranger.png", images[3][1] ^ 1)
    results = list(recover_folder(open_key(path, ward), marked, out))
    others = [result for result in results if not result.covered]
    assert {result.file for result in others} == {missing.file, *(record.file for _, _, record in images[2:])}
    assert {result.problem for result in others} == {"in the key, but not covered by your grant"}
    assert problems(result for result in results if result.covered) == {
        "stranger.png": "not an image of this key",
        missing.file: "another image of the key stands in its place; get the file again",
    }
    assert_restored(out, images[1:2])


def test_another_image_in_the_place_of_one_is_told_as_such(key, marked, out, images):
    """Covered or not: the file is there, and holds another image."""
    write_png(marked / images[0][2].file, images[1][1])
    assert problems(recover_folder(key, marked, out)) == {
        images[0][2].file: "another image of the key stands in its place; get the file again"
    }
    assert np.array_equal(restored(out)[images[0][2].file], images[1][0])


def arguments_of_processes():
    """The command line and environment of every process that there is."""
    for entry in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            with suppress(OSError):
                yield (entry / name).read_bytes()


def test_what_is_there_already_is_not_done_again(key, marked, out, images, monkeypatch):
    list(recover_folder(key, marked, out))
    half = sorted(out.rglob("*.png"))[:3]
    stamps = [path.stat().st_mtime_ns for path in half]
    for path in sorted(out.rglob("*.png"))[3:]:
        path.unlink()
    written = []
    original = recovery_module.write_stored
    monkeypatch.setattr(recovery_module, "write_stored", lambda p, image: (written.append(p), original(p, image)))
    results = list(recover_folder(key, marked, out))
    assert sorted(result.already for result in results) == [False] * 3 + [True] * 3
    assert len(written) == 3
    assert [path.stat().st_mtime_ns for path in half] == stamps
    assert_restored(out, images)


@pytest.mark.parametrize("wrong", [b"", b"half a pict", None])
def test_what_is_there_and_wrong_is_done_again(key, marked, out, images, wrong):
    target = out / images[0][2].file
    target.parent.mkdir(parents=True)
    if wrong is None:
        write_png(target, images[0][1])
    else:
        target.write_bytes(wrong)
    assert problems(recover_folder(key, marked, out)) == {}
    assert_restored(out, images)


def test_an_altered_image_is_named_even_when_its_original_is_there(key, marked, out, images):
    list(recover_folder(key, marked, out))
    write_png(marked / images[0][2].file, images[0][1] ^ 1)
    found = problems(recover_folder(key, marked, out))
    assert found.keys() == {images[0][2].file}
    assert "not those that were written" in found[images[0][2].file]


def test_a_record_of_other_pixels_writes_nothing(path, issuer, marked, out, images, monkeypatch):
    """The sha256 of the original is checked before anything is written, not after."""
    key = open_key(path, issuer.identity)
    monkeypatch.setattr("miad.keys.record.subtract_delta", lambda host, *_: host ^ 1)
    found = problems(recover_folder(key, marked, out))
    assert len(found) == len(images)
    assert all("not the original's" in problem for problem in found.values())
    assert not out.exists()
    monkeypatch.undo()
    assert problems(recover_folder(key, marked, out)) == {}
    assert_restored(out, images)


def test_a_damaged_record_is_named_and_the_others_come_back(path, key, marked, out, images):
    lost = images[1][2]
    change(path, "UPDATE record SET blob = x'00' WHERE marked = ?", bytes.fromhex(lost.marked))
    found = problems(recover_folder(key, marked, out))
    assert found.keys() == {lost.file}
    assert "damaged" in found[lost.file]
    assert_restored(out, [image for image in images if image[2] is not lost])


def test_a_damaged_record_whose_image_is_missing_is_told_too(path, key, marked, out, images):
    lost = images[1][2]
    change(path, "UPDATE record SET blob = x'00' WHERE marked = ?", bytes.fromhex(lost.marked))
    (marked / lost.file).unlink()
    ((file, problem),) = problems(recover_folder(key, marked, out)).items()
    assert lost.marked[:16] in file
    assert problem == "no such file in the folder of marked images"


def test_only_drafts_of_originals_are_removed(key, marked, out, images):
    mine = [out / ".mine.draft", out / ".letter.txt.12.draft", out / "case0" / ".9.png.12.draft"]
    for path in (*mine, out / "case0" / ".0.png.12.draft"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("half")
    assert problems(recover_folder(key, marked, out)) == {}
    assert sorted(p for p in out.rglob(".*")) == sorted(mine)


def test_files_whose_names_differ_in_their_suffix_do_not_replace_each_other(key, tmp_path, out, images):
    folder = tmp_path / "mixed"
    folder.mkdir()
    names = ["a.png", "a.tif", "a.tif.png", "b.png", "b", "c.dat"]
    for name, (_, marked, _) in zip(names, images, strict=True):
        Image.fromarray(marked).save(folder / name, format="tiff" if name.endswith("tif") else "png")
    assert problems(recover_folder(key, folder, out)) == {}
    found = restored(out)
    expected = ["a.png.png", "a.tif.tif", "a.tif.png", "b.png", "b-2.png", "c.png"]
    assert found.keys() == set(expected)
    for name, (original, _, _) in zip(expected, images, strict=True):
        assert np.array_equal(found[name], original)


def test_other_files_in_the_folder_are_passed_over(key, marked, out, images):
    (marked / "notes.txt").write_text("mine")
    (marked / ".hidden.png").write_bytes(b"")
    assert problems(recover_folder(key, marked, out)) == {}
    assert_restored(out, images)


def test_a_link_in_the_output_folder_does_not_lead_out_of_it(key, marked, out, images, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    out.mkdir()
    (out / "case1").symlink_to(outside, target_is_directory=True)
    found = problems(recover_folder(key, marked, out))
    assert found.keys() == {record.file for _, _, record in images if record.file.startswith("case1/")}
    assert all("outside of" in problem for problem in found.values())
    assert list(outside.iterdir()) == []


def test_a_link_in_place_of_an_original_is_replaced_and_not_followed(key, marked, out, images, tmp_path):
    target = out / images[0][2].file
    target.parent.mkdir(parents=True)
    write_png(tmp_path / "outside.png", images[0][0])
    target.symlink_to(tmp_path / "outside.png")
    before = (tmp_path / "outside.png").read_bytes()
    assert problems(recover_folder(key, marked, out)) == {}
    assert not target.is_symlink()
    assert (tmp_path / "outside.png").read_bytes() == before
    assert_restored(out, images)


NAMES = ["../escape.png", "/absolute/escape.png", "a/../../escape.png", "a\0b.png", "\x1b[2Jb.png", "a\nb.png"]


@pytest.mark.parametrize("name", NAMES)
def test_names_in_a_record_lead_nowhere(path, tmp_path, out, images, name):
    """Where an original is written is told by the marked file's own name; a record's name is only said."""
    from dataclasses import replace

    original, marked, record = images[0]
    tricked, missing = replace(record, file=name), replace(images[1][2], file=name)
    issuer = a_key(path, [(original, marked, tricked), (*images[1][:2], missing)])
    write_png(tmp_path / "deep" / "marked" / "1.png", marked)
    before = sorted(tmp_path.rglob("*"))
    results = list(recover_folder(open_key(path, issuer.identity), tmp_path / "deep" / "marked", out))
    assert restored(out).keys() == {"1.png"}
    assert sorted(p for p in tmp_path.rglob("*") if out not in (p, *p.parents)) == before
    assert list(problems(results)) == [name]


def test_a_name_that_is_too_long_for_its_original_is_told_and_the_others_come_back(key, tmp_path, out, images):
    """File systems take 255 bytes."""
    names = ["n" * 251 + ".png", "ü" * 125 + ".tif", "m" * 255]
    for name, (_, pixels, _) in zip(names, images, strict=False):
        (tmp_path / "marked").mkdir(exist_ok=True)
        Image.fromarray(pixels).save((tmp_path / "marked" / name).open("wb"), "png")
    results = list(recover_folder(key, tmp_path / "marked", out))
    assert "its original would have a name of more than 255 bytes" in problems(results)["m" * 255]
    assert restored(out).keys() == {names[0], "ü" * 125 + ".png"}


def test_a_draft_of_a_long_name_is_removed(key, tmp_path, out, images):
    name = "n" * 251 + ".png"
    write_png(tmp_path / "marked" / name, images[0][1])
    out.mkdir()
    draft_of(out / name).write_bytes(b"half, and killed")
    list(recover_folder(key, tmp_path / "marked", out))
    assert restored(out).keys() == {name}


def test_the_output_is_not_put_among_the_marked_images(key, marked):
    for inside in (marked, marked / "out", marked / ".." / "marked"):
        with pytest.raises(InputError, match="expected another folder"):
            list(recover_folder(key, marked, inside))


@pytest.mark.parametrize("processes", [1, 2])
def test_an_output_folder_that_can_not_be_written_is_one_line(key, marked, out, processes):
    out.write_text("mine")
    with pytest.raises(RunError, match=r"\A.*out.*: can not be written .*\Z"):
        list(recover_folder(key, marked, out, processes))
    assert out.read_text() == "mine"


def test_a_full_disk_is_one_line_and_leaves_no_half_image(key, marked, out, images, monkeypatch):
    original, written = Image.Image.save, []

    def save(self, path, *arguments, **options):
        written.append(path)
        if len(written) > 2:
            path.write_bytes(b"\x89PNG")
            raise OSError(28, "No space left on device")
        original(self, path, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", save)
        with pytest.raises(RunError, match=r"\A.*: can not be written \(No space left on device\); .*\Z"):
            list(recover_folder(key, marked, out))
    assert len(restored(out)) == 2
    assert problems(recover_folder(key, marked, out)) == {}
    assert_restored(out, images)


def test_at_least_one_process_is_asked_for(key, marked, out):
    with pytest.raises(InputError, match="processes"):
        list(recover_folder(key, marked, out, 0))


RECOVER = """
import sys
from pathlib import Path
from miad.keys import open_key, recover_folder
if __name__ == "__main__":
    key, marked, out = map(Path, sys.argv[1:4])
    print("ready", flush=True)
    for result in recover_folder(open_key(key), marked, out, int(sys.argv[4])):
        print(result.file, flush=True)
"""


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_recovery_that_is_killed_again_and_again_ends_like_one_that_is_not(path, tmp_path, out, processes):
    """SIGKILL at random moments: no half-written original is ever there, none is missing in the end."""
    images = marked_images(60)
    write_issuer(own_identity(path), a_key(path, images))
    folder = a_folder(tmp_path / "marked", images)
    originals = {record.file: original for original, _, record in images}
    (tmp_path / "recover.py").write_text(RECOVER)
    words = [sys.executable, str(tmp_path / "recover.py"), *map(str, (path, folder, out, processes))]
    generator, killed = np.random.default_rng(0), 0
    for _ in range(3 if processes == 1 else 8):
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"
            before = len(list(out.rglob("*.png")))  # a kill may have left drafts
            while process.poll() is None and len(list(out.rglob("*.png"))) < before + 4:
                time.sleep(0.001)
            time.sleep(generator.uniform(0, 0.02))
            process.kill()
        killed += process.returncode == -signal.SIGKILL
        for path_ in out.rglob("[!.]*.png"):
            assert np.array_equal(read_image(path_), originals[path_.relative_to(out).as_posix()])
    assert killed >= 2
    time.sleep(1 if processes > 1 else 0)  # workers leave after their parent
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert len(done.stdout.split()) == 61
    assert_restored(out, images)
