"""Attacks whose marks wear a keyed texture: what is written, what is secret, and what a resumed run goes on with."""

import base64
import os
import stat
import subprocess
import sys
from dataclasses import replace
from math import ceil

import numpy as np
import pytest

import miad.commands.marking as marking
from miad.commands.attack import attack
from miad.commands.evaluate import transfer
from miad.commands.recover import recover
from miad.commands.removal import removal
from miad.commands.run_texture import begin_texture
from miad.data import Phantom
from miad.errors import InputError, RunError
from miad.evaluation import Case
from miad.imaging import read_image
from miad.keys import open_key
from miad.search import LearnedPlaces, RandomSearch
from miad.tasks import Journal
from miad.watermark import KeyedTexture, TextureOptions

from .conftest import quiet, read, tree

IMAGES = 20
TEXTURE = TextureOptions(64, 24, 8)
FIXED = replace(TEXTURE, insecure_secret="for this test")


def mark(zoo, phantom, root, texture=TEXTURE, search=None, **options):
    run = quiet("run", root)
    attack(phantom(), str(zoo[0]), run, search=search or RandomSearch(8), images=4, texture=texture, **options)
    return run.folder


def records_of(folder):
    with open_key(folder / "run.miadkey") as key:
        return sorted(key.records.values(), key=lambda record: record.image)


def stop_halfway(monkeypatch):
    add = Journal.add

    def stop(self, rank, batch):
        add(self, rank, batch[: len(batch) // 2])
        raise OSError("the machine goes down")

    monkeypatch.setattr(Journal, "add", stop)


def assert_recovered(folder, out, data):
    assert recover(folder / "run.miadkey", folder / "marked", out) == IMAGES
    for index, id_ in enumerate(data.ids):
        assert np.array_equal(read_image(out / id_), data.pixels(index))


def forms(secret):
    """A secret as it might stand in a file; base64 of all three alignments, without what depends on neighbours."""
    yield secret
    yield secret.hex().encode()
    yield secret.hex().upper().encode()
    for shift in range(3):
        coded = base64.b64encode(bytes(shift) + secret)
        part = coded[ceil(8 * shift / 6) : (len(secret) + shift) * 8 // 6]
        yield part
        yield part.replace(b"+", b"-").replace(b"/", b"_")


def test_every_image_comes_back_and_the_mark_is_what_its_record_says(zoo, phantom, tmp_path):
    folder, data = mark(zoo, phantom, tmp_path), phantom().split("test")
    assert_recovered(folder, tmp_path / "out", data)
    pixels = {id_: data.pixels(index) for index, id_ in enumerate(data.ids)}
    changed = 0
    with open_key(folder / "run.miadkey") as key:
        for record in key.records.values():
            worn = KeyedTexture.parse(record.texture).on(key.rendering(record))
            m = ((worn.coverage.astype(int) * record.alpha) + 127) // 255
            expected = pixels[record.image].copy()
            part = expected[record.y : record.y + m.shape[0], record.x : record.x + m.shape[1]]
            part[...] = (m * worn.rgb[..., 0].astype(int) + (255 - m) * part.astype(int) + 127) // 255
            assert np.array_equal(read_image(folder / "marked" / record.file), expected)
            changed += (worn.rgb != key.rendering(record).rgb).any()
        assert len(key.renderings) < IMAGES  # one of a variant, whoever wears what
    assert changed == IMAGES
    assert len({record.texture for record in records_of(folder)}) == IMAGES


def test_the_secrets_are_in_the_key_alone(zoo, phantom, tmp_path, monkeypatch, caplog, capfd):
    made = []

    def begin(*given):
        made.append(begin_texture(*given))
        return made[-1]

    monkeypatch.setattr(marking, "begin_texture", begin)
    folder = mark(zoo, phantom, tmp_path)
    secrets = [made[0], *(KeyedTexture.parse(record.texture).secret for record in records_of(folder))]
    assert len(made[0]) == 32
    assert len(secrets) == IMAGES + 1
    texts = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    texts += [caplog.text.encode(), "".join(capfd.readouterr()).encode()]
    assert len(texts) > IMAGES
    for secret in secrets:
        assert not [form for form in forms(secret) for text in texts if form in text]
    assert not (folder / "journal").exists()


def test_a_run_that_was_interrupted_goes_on_with_its_secret(zoo, phantom, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_halfway(patch)
        with pytest.raises(OSError, match="goes down"):
            mark(zoo, phantom, tmp_path)
    folder = tmp_path / "run"
    kept = folder / "journal" / "texture"
    secret = kept.read_bytes()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    texts = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    found = {path for path, text in texts.items() for form in forms(bytes.fromhex(secret.decode())) if form in text}
    assert found == {kept}
    kept.rename(tmp_path / "away")
    with pytest.raises(RunError, match="secret of the textures"):
        mark(zoo, phantom, tmp_path)
    kept.write_text("no secret\n")
    with pytest.raises(InputError, match="found other text"):
        mark(zoo, phantom, tmp_path)
    kept.write_bytes(secret)
    mark(zoo, phantom, tmp_path)
    assert not kept.exists()
    assert_recovered(folder, tmp_path / "out", phantom().split("test"))


def test_one_secret_gives_one_run_however_often_it_is_interrupted_and_another_gives_other_marks(
    zoo, phantom, tmp_path, monkeypatch
):
    whole = mark(zoo, phantom, tmp_path / "whole", FIXED)
    with monkeypatch.context() as patch:
        stop_halfway(patch)
        with pytest.raises(OSError, match="goes down"):
            mark(zoo, phantom, tmp_path / "parts", FIXED)
    parts = mark(zoo, phantom, tmp_path / "parts", FIXED)
    assert tree(parts) == tree(whole)
    other = mark(zoo, phantom, tmp_path / "other", replace(FIXED, insecure_secret="another"))
    assert not {record.marked for record in records_of(other)} & {record.marked for record in records_of(whole)}


def test_unguessable_secrets_are_the_default(zoo, phantom, tmp_path):
    one, two = (mark(zoo, phantom, tmp_path / name) for name in "ab")
    assert not {record.texture for record in records_of(one)} & {record.texture for record in records_of(two)}


def test_large_images_are_searched_by_their_squares_and_marked_at_their_size(zoo, tmp_path):
    def large():
        return Phantom("brain", 96, train=0, val=0, test=IMAGES)

    folder = mark(zoo, large, tmp_path, native=True)
    assert_recovered(folder, tmp_path / "out", large().split("test"))
    assert all(record.texture for record in records_of(folder))


def test_places_are_learned_under_textures(zoo, phantom, tmp_path):
    search = LearnedPlaces(candidates=8, examples=2, kept=2, learned_variants=1, catalogue=2)
    folder = mark(zoo, phantom, tmp_path, FIXED, search)
    assert_recovered(folder, tmp_path / "out", phantom().split("test"))


def test_every_process_has_the_first_ones_secret(zoo, tmp_path):
    """Which draws it; the others know of it by the run's own means alone."""
    words = ["attack", "--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0"]
    words += ["--data.test", "5", "--sources", str(zoo[0]), "--search", "random"]
    words += ["--images", "1", "--run.name", "run", "--run.root", str(tmp_path), "--run.wandb", "off"]
    words += ["--no_run.progress", "--run.accelerator", "cpu", "--run.devices", "2", "--texture.colour", "64"]
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-m", "miad", *words], env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    assert recover(tmp_path / "run" / "run.miadkey", tmp_path / "run" / "marked", tmp_path / "out") == 5
    assert all(record.texture for record in records_of(tmp_path / "run"))


def test_removal_shows_marks_with_a_texture_beside_those_without(zoo, phantom, tmp_path):
    folder = mark(zoo, phantom, tmp_path, TextureOptions())
    run = quiet("study", tmp_path)
    options = {"vaccines": "none", "removed_by": "known_logo,known_logo_wiener,inpaint_telea:0", "status": "marked"}
    removal(phantom(), folder, str(zoo[0]), "", run, limit=4, pictures=1, texture=TextureOptions(96), **options)
    rows = {(row["texture"], row["removed_by"]): float(row["psnr_inside"]) for row in read(run.folder / "removal.csv")}
    words = TextureOptions(96).words
    assert set(rows) == {
        (texture, name)
        for texture in ("", words)
        for name in ("nothing", "exact", "known_logo", "known_logo_wiener", "inpaint_telea:0")
    }
    assert rows["", "known_logo"] > rows[words, "known_logo"] + 10
    assert rows["", "inpaint_telea:0"] == pytest.approx(rows[words, "inpaint_telea:0"], abs=0.05)
    assert rows[words, "exact"] > 58
    assert Case("none", "", "before", texture=words).title == f"none {words}"


def test_removal_knows_the_texture_of_an_attack_of_its_own(zoo, phantom, tmp_path):
    folder = mark(zoo, phantom, tmp_path, FIXED)
    run = quiet("study", tmp_path)
    options = {"vaccines": "none", "removed_by": "known_logo_wiener", "status": "marked", "limit": 2, "pictures": 0}
    removal(phantom(), folder, str(zoo[0]), "", run, **options)
    marked = {record.image: record for record in records_of(folder)}
    for row in read(run.folder / "removal_images.csv"):
        if row["removed_by"] == "nothing":
            record = marked[row["image"]]
            index = phantom().split("test").ids.index(row["image"])
            error = read_image(folder / "marked" / record.file).astype(float) - phantom().split("test").pixels(index)
            assert float(row["rmse"]) == pytest.approx(np.sqrt((error**2).mean()), rel=1e-4)
    with pytest.raises(InputError, match="without texture"):
        removal(phantom(), folder, str(zoo[0]), "", quiet("again", tmp_path), texture=TEXTURE, **options)


def test_a_cell_of_a_transfer_table_is_of_one_texture(zoo, tmp_path):
    def table(name, **mark):
        transfer(
            Phantom("brain", 48, train=0, val=0, test=4), nets, quiet(name, tmp_path), "", "matrix", "random", **mark
        )
        return {path.name for path in (tmp_path / "cells").glob("random-one-*")}

    nets = f"{zoo[0]},{zoo[1]}"
    plain = table("a")
    textured = table("b", texture=FIXED)
    assert len(plain) == 1
    assert len(textured) == 2
    assert table("c", texture=FIXED) == textured
    marks = [(tmp_path / "cells" / name / "attack.csv").read_text() for name in textured]
    assert marks[0] != marks[1]
