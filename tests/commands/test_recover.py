"""Whatever happens to some marked images, the others come back bit for bit and the lost ones are named."""

import shutil
import sqlite3

import numpy as np
import pytest
from PIL import Image

from miad.cli import main
from miad.commands.attack import attack
from miad.commands.recover import recover
from miad.commands.run import Run
from miad.data import Phantom
from miad.errors import InputError, KeyMismatchError, MiadError, RunError
from miad.search import RandomSearch

IMAGES = 10
VICTIM = "brain-00004"


def mark(zoo, root, name, seed):
    run = Run(name, root, seed, accelerator="cpu", wandb="off", progress=False)
    data = Phantom("brain", 48, train=0, val=0, test=IMAGES)
    attack(data, str(zoo[0]), run, search=RandomSearch())
    return run.folder


@pytest.fixture(scope="module")
def made(zoo, tmp_path_factory):
    return mark(zoo, tmp_path_factory.mktemp("made"), "run", 1)


@pytest.fixture
def originals():
    dataset = Phantom("brain", 48, train=0, val=0, test=IMAGES).split("test")
    return {id_: dataset.pixels(index) for index, id_ in enumerate(dataset.ids)}


@pytest.fixture
def key(made):
    return made / "run.miadkey"


@pytest.fixture
def marked(made, tmp_path):
    return shutil.copytree(made / "marked", tmp_path / "marked")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "originals"


def pixels(path):
    with Image.open(path) as file:
        return np.array(file)


def edit(path, where):
    changed = pixels(path)
    changed[where] ^= 1
    Image.fromarray(changed).save(path)


def under_the_logo(path, original):
    edit(path, tuple(np.argwhere(pixels(path) != original)[0]))


def beside_the_logo(path, original):
    same = pixels(path) == original
    edit(path, next(corner for corner in ((0, 0), (0, -1), (-1, 0), (-1, -1)) if same[corner]))


def as_jpeg(path, original):
    Image.fromarray(pixels(path)).save(path.with_suffix(".jpg"), quality=95)
    path.unlink()


def resized(path, original):
    with Image.open(path) as file:
        half = file.resize((24, 24))
    half.save(path)


def deleted(path, original):
    path.unlink()


def truncated(path, original):
    path.write_bytes(path.read_bytes()[:-200])


def empty(path, original):
    path.write_bytes(b"")


def as_colour(path, original):
    Image.fromarray(np.dstack([pixels(path)] * 3)).save(path)


def as_text(path, original):
    path.write_text("not a picture")


CHANGES = (
    under_the_logo,
    beside_the_logo,
    as_jpeg,
    resized,
    deleted,
    truncated,
    empty,
    as_colour,
    as_text,
)


def restored(out):
    """Every file of the output folder, drafts too."""
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()} if out.exists() else set()
    return {file: pixels(out / file) for file in files}


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[name], expected[name]) for name in expected)
    assert all(found[name].dtype == np.uint8 for name in expected)


def named(capsys, marked):
    """The files that were named on stderr, without their suffix, a line each."""
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith(f"{marked}/")]
    return [line.removeprefix(f"{marked}/").partition(": ")[0].rpartition(".")[0] for line in lines]


def test_every_original_comes_back(key, marked, out, originals, capsys):
    assert all(not np.array_equal(pixels(marked / name), originals[name]) for name in originals)
    assert recover(key, marked, out) == IMAGES
    assert_same(restored(out), originals)
    assert f"{IMAGES} of {IMAGES} recovered exactly" in capsys.readouterr().out


def test_the_marked_images_stay_as_they_are(made, key, marked, out):
    recover(key, marked, out)
    assert_same(restored(marked), restored(made / "marked"))


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_image_is_named_and_the_others_are_restored(key, marked, out, originals, capsys, change):
    change(marked / f"{VICTIM}.png", originals.pop(f"{VICTIM}.png"))
    with pytest.raises(KeyMismatchError, match=rf"^1 of {IMAGES} could not be recovered; .*$"):
        recover(key, marked, out)
    assert named(capsys, marked) == [VICTIM]
    assert_same(restored(out), originals)


def test_many_changes_are_all_named(key, marked, out, originals, capsys):
    lost = sorted(originals)[: len(CHANGES)]
    for name, change in zip(lost, CHANGES, strict=True):
        change(marked / name, originals.pop(name))
    with pytest.raises(KeyMismatchError, match=rf"^{len(lost)} of {IMAGES} "):
        recover(key, marked, out)
    assert sorted(named(capsys, marked)) == [name.removesuffix(".png") for name in lost]
    assert_same(restored(out), originals)


@pytest.mark.parametrize("name", ["holiday.png", "deeper/down/holiday.png", "brain-00099.png"])
def test_a_renamed_image_is_restored_under_its_new_name(key, marked, out, originals, name):
    (marked / name).parent.mkdir(parents=True, exist_ok=True)
    (marked / f"{VICTIM}.png").rename(marked / name)
    originals[name] = originals.pop(f"{VICTIM}.png")
    assert recover(key, marked, out) == IMAGES
    assert_same(restored(out), originals)


def test_two_images_that_swapped_names_are_both_restored(key, marked, out, originals):
    first, second = sorted(originals)[:2]
    (marked / first).rename(marked / "other")
    (marked / second).rename(marked / first)
    (marked / "other").rename(marked / second)
    originals[first], originals[second] = originals[second], originals[first]
    assert recover(key, marked, out) == IMAGES
    assert_same(restored(out), originals)


def test_another_lossless_format_is_as_good(key, marked, out, originals):
    Image.fromarray(pixels(marked / f"{VICTIM}.png")).save(marked / f"{VICTIM}.tif")
    (marked / f"{VICTIM}.png").unlink()
    assert recover(key, marked, out) == IMAGES
    renamed = {file.replace(f"{VICTIM}.png", f"{VICTIM}.tif"): image for file, image in originals.items()}
    assert_same(restored(out), renamed)


def test_an_edited_copy_beside_the_image_does_not_hide_that_it_was_restored(key, marked, out, originals, capsys):
    shutil.copy(marked / f"{VICTIM}.png", marked / "copy.png")
    under_the_logo(marked / "copy.png", originals[f"{VICTIM}.png"])
    with pytest.raises(KeyMismatchError):
        recover(key, marked, out)
    assert named(capsys, marked) == ["copy"]
    assert_same(restored(out), originals)


def test_a_former_result_is_replaced(key, marked, out, originals):
    out.mkdir()
    Image.new("L", (48, 48)).save(out / f"{VICTIM}.png")
    recover(key, marked, out)
    assert_same(restored(out), originals)


def test_the_key_of_another_run_says_so_and_writes_nothing(zoo, marked, out, tmp_path):
    other = mark(zoo, tmp_path, "other", 2) / "other.miadkey"
    with pytest.raises(KeyMismatchError, match=r"^.*other\.miadkey fits none of the images in .*marked; take the key"):
        recover(other, marked, out)
    assert not out.exists()


def another_database(path):
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE meta (name TEXT, value TEXT)")
    database.close()


NO_KEYS = {
    "text": lambda path: path.write_text("secret"),
    "empty": lambda path: path.touch(),
    "picture": lambda path: Image.new("L", (9, 9)).save(path, format="png"),
    "database": another_database,
    "folder": lambda path: path.mkdir(),
    "missing": lambda path: None,
}


@pytest.mark.parametrize("kind", NO_KEYS)
def test_what_is_no_key_is_refused_in_one_line(marked, out, tmp_path, kind):
    NO_KEYS[kind](tmp_path / "a.miadkey")
    with pytest.raises(InputError, match=r"\A.*a\.miadkey: .*key.*\Z"):
        recover(tmp_path / "a.miadkey", marked, out)
    assert not out.exists()


def test_a_missing_folder_is_refused(key, out, tmp_path):
    with pytest.raises(InputError, match=r"\A.*nowhere: no such folder of marked images\Z"):
        recover(key, tmp_path / "nowhere", out)
    assert not out.exists()


def test_originals_do_not_overwrite_marked_images(made, key, marked):
    for same in (marked, marked / ".", marked.parent / "x" / ".." / "marked"):
        with pytest.raises(InputError, match="another folder"):
            recover(key, marked, same)
    assert_same(restored(marked), restored(made / "marked"))


def test_a_file_in_the_way_of_the_output_is_an_error_of_one_line(key, marked, out):
    out.write_text("mine")
    with pytest.raises(RunError, match=r"\A.*originals.*\Z"):
        recover(key, marked, out)
    assert out.read_text() == "mine"


@pytest.mark.parametrize(("change", "code"), [(None, 0), (deleted, 2)])
def test_the_command_line_ends_with_a_code_and_one_line(key, marked, out, capsys, change, code):
    if change:
        change(marked / f"{VICTIM}.png", None)
    with pytest.raises(SystemExit) as stop:
        main(["recover", "--key", str(key), "--marked", str(marked), "--out", str(out)])
    assert stop.value.code == code
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("miad: error: ")]
    assert len(errors) == (code != 0)


def test_flipped_bits_in_a_key_never_yield_a_wrong_image(made, key, marked, tmp_path, originals):
    sound = key.read_bytes()
    generator = np.random.default_rng(0)
    outcomes = set()
    for trial in range(60):
        damaged = bytearray(sound)
        damaged[generator.integers(len(sound))] ^= 1 << int(generator.integers(8))
        path, out = tmp_path / "damaged.miadkey", tmp_path / str(trial)
        path.write_bytes(damaged)
        try:
            outcomes.add(recover(path, marked, out, identity=key.with_suffix(".identity")))
        except MiadError as error:
            outcomes.add(type(error))
        assert all(np.array_equal(image, originals[name]) for name, image in restored(out).items())
    assert len(outcomes) > 1


def test_copies_are_restored_and_named_and_count_once(key, marked, out, originals, capsys):
    shutil.copy(marked / f"{VICTIM}.png", marked / "copy.png")
    shutil.copy(marked / f"{VICTIM}.png", marked / "once-more.png")
    assert recover(key, marked, out) == IMAGES
    assert_same(restored(out), originals | dict.fromkeys(("copy.png", "once-more.png"), originals[f"{VICTIM}.png"]))
    assert capsys.readouterr().out.splitlines() == [
        f"{IMAGES} of {IMAGES} recovered exactly, in {out}",
        "2 more files are copies of these images, restored as well:",
        f"{marked / 'copy.png'}: the same image as {VICTIM}.png",
        f"{marked / 'once-more.png'}: the same image as {VICTIM}.png",
    ]


def test_a_copy_in_the_place_of_another_image_does_not_count_for_it(key, marked, out, originals, capsys):
    first, second = sorted(originals)[:2]
    shutil.copy(marked / first, marked / second)
    with pytest.raises(KeyMismatchError, match=rf"\A1 of {IMAGES} could not be recovered; "):
        recover(key, marked, out)
    said = capsys.readouterr()
    assert f"{marked / second}: another image of the key stands in its place; get the file again\n" in said.err
    assert f"{IMAGES - 1} of {IMAGES} recovered exactly" in said.out
    assert f"1 more file is a copy of one of these images, restored as well:\n{marked / second}: the same" in said.out


def test_a_file_that_is_no_image_of_the_key_is_not_counted_among_them(key, marked, out, originals, capsys):
    Image.new("L", (48, 48)).save(marked / "holiday.png")
    with pytest.raises(KeyMismatchError, match=r"\A1 other file of .* could not be restored; every image that the key"):
        recover(key, marked, out)
    assert f"{IMAGES} of {IMAGES} recovered exactly" in capsys.readouterr().out
    assert_same(restored(out), originals)


def test_the_folder_of_the_run_and_a_marked_file_are_told_from_the_marked_images(made, key, marked, out):
    with pytest.raises(
        InputError, match=r"\A.*: expected a folder of marked images, found a run's folder; give .*marked"
    ):
        recover(key, made, out)
    with pytest.raises(
        InputError, match=r"\A.*\.png: expected a folder of marked images, found a file; give the folder"
    ):
        recover(key, marked / f"{VICTIM}.png", out)
    assert not out.exists()
