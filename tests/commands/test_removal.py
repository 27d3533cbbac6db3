"""The removal matrix against its own pictures, recomputed; what is resumed, refused and left behind."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

import miad.commands.removal_run as removal_module
from miad.cli import main
from miad.commands.attack import attack
from miad.commands.removal import removal
from miad.data import Phantom
from miad.errors import InputError, RunError
from miad.evaluation import RemovalStudy
from miad.imaging import read_image
from miad.keys import open_key
from miad.models import find_checkpoint, load_remover
from miad.search import RandomSearch
from miad.tensors import to_levels, to_unit
from miad.vaccine import VaccineOptions

from .conftest import measures, quiet, save_remover, tree

QUICK = VaccineOptions(steps=2, step=4.0, family="free", saturation="clip")
MEASURES = ("psnr", "ssim", "rmse", "psnr_inside", "rmse_inside", "rmse_outside")


def images(count=7):
    return Phantom("brain", 48, train=0, val=0, test=count)


@pytest.fixture(scope="module")
def removers(tmp_path_factory):
    root = tmp_path_factory.mktemp("removers")
    return [str(save_remover(root / name, name, width)) for name, width in (("wdnet", 4), ("bvmr", 2), ("slbr", 2))]


@pytest.fixture(scope="module")
def marked(zoo, tmp_path_factory):
    """A finished attack."""
    run = quiet("marked", tmp_path_factory.mktemp("marked"))
    attack(images(), str(zoo[0]), run, search=RandomSearch(6))
    return run.folder


@pytest.fixture(scope="module")
def study(zoo, marked, removers, tmp_path_factory):
    """A whole matrix; its folder."""
    run = quiet("study", tmp_path_factory.mktemp("study"))
    removal(
        images(),
        marked,
        f"{zoo[0]},{zoo[1]}",
        f"{removers[0]},{removers[1]}",
        run,
        unseen_removers=removers[2],
        orders="before,after",
        vaccine=QUICK,
        denoised_by="median,median:3",
        removed_by="inpaint_telea,nothing,median:5,inpaint_telea",
        status="marked",
        batch_size=3,
        pictures=1,
    )
    return run.folder


def rows(folder, name="removal.csv"):
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_case_meets_every_adversary(study):
    cases = [("none", "", "before")]
    cases += [("noise", "", order) for order in ("before", "after")]
    on = ("wdnet", "bvmr", "wdnet+bvmr")
    cases += [(kind, names, order) for kind in ("delta_d", "delta_i") for names in on for order in ("before", "after")]
    found = [(row["vaccine"], row["made_on"], row["order"]) for row in rows(study)]
    assert list(dict.fromkeys(found)) == cases
    for case in cases:
        adversaries = [
            row["removed_by"] for row in rows(study) if (row["vaccine"], row["made_on"], row["order"]) == case
        ]
        exact = ["exact"] if case[2] == "before" else []  # nobody can where delta lies over the mark
        networks = ["wdnet", "bvmr", "slbr"]
        after = [f"{name} after median" for name in networks]
        assert adversaries == ["nothing", *exact, *networks, *after, "inpaint_telea", "median:5"]
    assert {row["images"] for row in rows(study)} == {"7"}


def test_the_matrix_is_the_mean_over_images(study):
    single = rows(study, "removal_images.csv")
    for row in rows(study):
        own = [r for r in single if all(r[n] == row[n] for n in ("vaccine", "made_on", "order", "removed_by"))]
        assert len({r["image"] for r in own}) == len(own) == 7
        for name in (*MEASURES, "accuracy/one", "accuracy/two"):
            assert float(row[name]) == pytest.approx(np.mean([float(r[name]) for r in own]))
        accuracies = [float(row["accuracy/one"]), float(row["accuracy/two"])]
        assert float(row["accuracy"]) == pytest.approx(np.mean(accuracies))


def test_without_delta_everything_is_as_the_attack_wrote_it(study, marked, removers):
    dataset, key = images().split("test"), open_key(next(marked.glob("*.miadkey")))
    files = {record.image: marked / "marked" / record.file for record in key.records.values()}
    network = load_remover(find_checkpoint(Path(removers[0])))
    for row in rows(study, "removal_images.csv"):
        if row["vaccine"] == "none" and row["removed_by"] in ("nothing", "wdnet"):
            image = torch.from_numpy(read_image(files[row["image"]])).expand(1, 3, -1, -1)
            if row["removed_by"] == "wdnet":
                with torch.no_grad():
                    image = to_levels(network(to_unit(image)).image)
            original = dataset.pixels(dataset.ids.index(row["image"])).astype(float)
            error = np.sqrt(np.mean((image[0].numpy() - original) ** 2))
            assert float(row["rmse"]) == pytest.approx(error, abs=0.03)
            assert float(row["rmse"]) == float(row["rmse_protected"])


def test_an_exact_removal_leaves_delta_and_nothing_else(study):
    for row in rows(study, "removal_images.csv"):
        if row["removed_by"] == "exact":
            assert float(row["rmse_protected"]) == 0
            assert float(row["psnr_protected"]) == pytest.approx(58.92, abs=0.01)
            assert (float(row["rmse"]) == 0) == (row["vaccine"] == "none")
            assert float(row["rmse"]) <= 8


def test_only_networks_have_a_mask(study):
    for row in rows(study):
        assert (row["mask_iou"] == "nan") == (row["removed_by"].split()[0] not in ("wdnet", "bvmr", "slbr"))


def test_its_files_are_these(study):
    files = set(tree(study))
    pictures = {name for name in files if name.startswith("pictures/")}
    tables = {"metrics.csv", "removal.csv", "removal_images.csv", "delta_families.csv"}
    assert files - pictures == {"config.yaml", "removal.png", *tables}
    assert len(pictures) == 1
    assert measures(study)["removal/accuracy/none/nothing"] == pytest.approx(
        next(float(row["accuracy"]) for row in rows(study))
    )


def test_what_networks_leave_is_the_mean_over_the_rows_of_a_vaccine(study):
    found = measures(study)
    for vaccine in ("none", "noise", "delta_d", "delta_i"):
        own = [r for r in rows(study) if r["vaccine"] == vaccine and r["removed_by"] in ("wdnet", "bvmr", "slbr")]
        for name in ("psnr_inside", "rmse_protected", "mask_iou", "accuracy"):
            assert found[f"removal/networks/{name}/{vaccine}"] == pytest.approx(np.mean([float(r[name]) for r in own]))


def few(zoo, marked, removers, run, **options):
    given = {"vaccines": "none,noise", "removed_by": "median:3", "status": "marked", "batch_size": 2, "pictures": 0}
    removal(images(), marked, str(zoo[0]), removers[0], run, **(given | options))


def test_an_interrupted_study_goes_on_and_ends_with_the_same_files(zoo, marked, removers, tmp_path, monkeypatch):
    few(zoo, marked, removers, quiet("whole", tmp_path))
    original, seen = RemovalStudy.clean, []

    def stop_at_three(self, subjects, device):
        seen.append([subject.item.id for subject in subjects])
        if len(seen) == 3:
            raise OSError("the machine goes down")
        return original(self, subjects, device)

    monkeypatch.setattr(RemovalStudy, "clean", stop_at_three)
    with pytest.raises(OSError, match="goes down"):
        few(zoo, marked, removers, quiet("broken", tmp_path))
    assert not (tmp_path / "broken" / "removal.csv").exists()
    few(zoo, marked, removers, quiet("broken", tmp_path))
    assert seen[2] == seen[3]
    assert len(seen) == 5  # four batches, one of them twice
    whole, broken = (
        {name: data for name, data in tree(tmp_path / n).items() if name.endswith("s.csv") or name == "removal.csv"}
        for n in ("whole", "broken")
    )
    assert whole == broken


def test_deltas_may_be_made_under_random_marks(zoo, marked, removers, tmp_path):
    options = replace(QUICK, host="marked")
    words = {"vaccines": "delta_i", "orders": "before,after", "vaccine": options, "limit": 2}
    few(zoo, marked, removers, quiet("under", tmp_path), **words)
    few(zoo, marked, removers, quiet("clean", tmp_path), **(words | {"vaccine": QUICK}))
    under, clean = (
        {row["order"]: row["rmse"] for row in rows(tmp_path / name) if row["removed_by"] == "nothing"}
        for name in ("under", "clean")
    )
    assert under["before"] != clean["before"]
    assert under["after"] == clean["after"]  # made on marked images either way


def test_deltas_over_the_marks_alone_have_a_table_without_a_perfect_removal(zoo, marked, removers, tmp_path):
    few(zoo, marked, removers, quiet("over", tmp_path), vaccines="noise", orders="after", limit=2)
    assert {row["removed_by"] for row in rows(tmp_path / "over")}.isdisjoint({"exact"})
    assert not (tmp_path / "over" / "delta_families.csv").exists()


def test_a_limit_takes_images_evenly(zoo, marked, removers, tmp_path):
    few(zoo, marked, removers, quiet("few", tmp_path), limit=3)
    dataset = images().split("test")
    found = {row["image"] for row in rows(tmp_path / "few", "removal_images.csv")}
    assert found == {dataset.ids[index] for index in (0, 2, 4)}


def test_originals_are_not_logged(zoo, marked, removers, tmp_path, monkeypatch):
    logged = []
    monkeypatch.setattr(removal_module, "log_figures", lambda _, figures: logged.extend(figures))
    few(zoo, marked, removers, quiet("few", tmp_path), pictures=2, limit=2)
    assert [path.name for path in logged] == ["removal.png"]
    assert len(list((tmp_path / "few" / "pictures").rglob("*.png"))) == 2


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"denoised_by": "nlm,inpaint_ns"}, "expected --denoised_by of jpeg, median, .*found inpaint_ns; it needs"),
        ({"vaccines": "none,delta"}, "expected one or more of own, none, noise, delta_d, delta_i, .*found 'delta'"),
        ({"made_on": "both"}, "expected one or more of each, all, .*found 'both'"),
        ({"families": "blocks"}, "expected one or more of free, block, near, universal, .*found 'blocks'"),
        ({"orders": ""}, "expected one or more of before, after, .*found nothing"),
        ({"removed_by": "magic"}, "magic"),
        ({"unseen_removers": "SAME"}, "expected wdnet in --removers or in --unseen_removers, found it in both"),
        ({"limit": 0}, "expected limit of at least 1, found 0"),
        ({"batch_size": 0}, "expected batch_size of at least 1, found 0"),
    ],
)
def test_what_can_not_be_studied_is_refused(zoo, marked, removers, tmp_path, options, words):
    if "unseen_removers" in options:
        options = {"unseen_removers": removers[0]}
    with pytest.raises(InputError, match=words):
        few(zoo, marked, removers, quiet("few", tmp_path), **options)
    assert not (tmp_path / "few").exists()


def test_a_folder_that_is_no_attack_is_refused(zoo, removers, tmp_path):
    with pytest.raises(InputError, match="expected the folder of a finished 'miad attack', found no key"):
        few(zoo, zoo[0], removers, quiet("few", tmp_path))


def test_only_attacks_with_a_delta_have_their_own(zoo, marked, removers, tmp_path):
    with pytest.raises(InputError, match=r"expected images with deltas of their own, found none; leave own out"):
        few(zoo, marked, removers, quiet("few", tmp_path), vaccines="none,own")


def test_without_classifiers_nobody_reads_what_is_left(marked, removers, tmp_path):
    with pytest.raises(InputError, match="expected one or more --models to read what is left, found none"):
        removal(images(), marked, "", removers[0], quiet("few", tmp_path))


def test_a_remover_may_have_a_classifier_s_name(zoo, marked, tmp_path):
    remover = save_remover(tmp_path / "nets" / "one", "wdnet", 2)
    assert zoo[0].name == "one"
    few(zoo, marked, [str(remover)], quiet("few", tmp_path), limit=1)
    inputs = yaml.safe_load((tmp_path / "few" / "config.yaml").read_text())["inputs"]
    assert inputs["removers"].keys() == inputs["weights"].keys() == {"one"}
    assert inputs["removers"]["one"] != inputs["weights"]["one"]


def test_a_remover_is_known_or_unseen_whatever_it_is_called(zoo, marked, removers, tmp_path):
    copy = save_remover(tmp_path / "nets" / "copy", "wdnet", 4)
    with pytest.raises(InputError, match="wdnet and copy have the same weights; leave one out"):
        few(zoo, marked, removers, quiet("few", tmp_path), unseen_removers=str(copy))


def test_another_logo_than_the_marks_is_refused(zoo, marked, removers, tmp_path):
    with pytest.raises(InputError, match="expected the logo of its marks, found another, crest; give it as --logo"):
        few(zoo, marked, removers, quiet("few", tmp_path), logo="crest")


def test_other_images_than_those_marked_are_refused(zoo, marked, removers, tmp_path):
    other = Phantom("brain", 48, train=0, val=0, test=7, seed=5)
    with pytest.raises(InputError, match=r"expected the pixels that .* marked, found others"):
        removal(other, marked, str(zoo[0]), removers[0], quiet("few", tmp_path), vaccines="none", status="marked")


def test_several_devices_are_refused(zoo, marked, removers, tmp_path):
    run = replace(quiet("few", tmp_path), devices=2)
    with pytest.raises(InputError, match="expected one process, found 2"):
        few(zoo, marked, removers, run)


def test_a_finished_study_is_not_run_again(zoo, marked, removers, tmp_path):
    few(zoo, marked, removers, quiet("few", tmp_path), limit=2)
    before = tree(tmp_path / "few")
    with pytest.raises(RunError, match="holds this run, finished"):
        few(zoo, marked, removers, quiet("few", tmp_path), limit=2)
    assert tree(tmp_path / "few") == before


def test_the_command_line_has_it(zoo, marked, removers, tmp_path, capsys):
    words = ["evaluate", "removal", "--data", "Phantom", "--data.size", "48", "--data.train", "0", "--data.val", "0"]
    words += ["--data.test", "7", "--attack", str(marked), "--models", str(zoo[0]), "--removers", removers[0]]
    words += [
        "--vaccines",
        "none,delta_i",
        "--vaccine.steps",
        "1",
        "--families",
        "free,near",
        "--removed_by",
        "",
        "--status",
        "marked",
    ]
    words += ["--run.root", str(tmp_path), "--run.name", "a", "--run.wandb", "off", "--no_run.progress"]
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert "delta_i wdnet" in shown
    assert "delta_i near wdnet" in shown
    assert "delta_families" in shown
    assert "dB in +d" in shown


@pytest.fixture(scope="module")
def marked_others(zoo, tmp_path_factory):
    """A finished attack on images that others can be learned from."""
    run = quiet("others", tmp_path_factory.mktemp("others"))
    attack(Phantom("brain", 48, train=9, val=0, test=4), str(zoo[0]), run, search=RandomSearch(2))
    return run.folder


@pytest.fixture(scope="module")
def families(zoo, marked_others, removers, tmp_path_factory):
    """A matrix of families; its folder."""
    run = quiet("families", tmp_path_factory.mktemp("families"))
    options = replace(QUICK, saturation="spare", eps=5, block=6, margin=2, examples=3)
    data, marked = Phantom("brain", 48, train=9, val=0, test=4), marked_others
    words = {"vaccines": "none,noise,delta_d", "families": "free,block,near,universal", "removed_by": ""}
    removal(data, marked, str(zoo[0]), removers[0], run, **words, vaccine=options, status="marked", pictures=0)
    return run.folder


def test_every_family_is_a_case(families):
    found = list(dict.fromkeys((row["vaccine"], row["family"]) for row in rows(families)))
    each = ("free", "block", "near", "universal")
    assert found == [("none", "free"), *(("noise", one) for one in each), *(("delta_d", one) for one in each)]
    assert [path.name for path in sorted((families / "universal").iterdir())] == [
        "delta_d-universal-wdnet.png",
        "noise-universal.png",
    ]


def test_families_are_told_by_their_bytes_and_by_what_they_leave(families):
    table, matrix = rows(families, "delta_families.csv"), rows(families)
    assert [(row["vaccine"], row["family"], row["removed_by"]) for row in table] == [
        (row["vaccine"], row["family"], row["removed_by"]) for row in matrix
    ]
    for row, whole in zip(table, matrix, strict=True):
        for name in ("delta_bytes", "record_bytes", "psnr_protected", "accuracy"):
            assert row[name] == whole[name]
        assert float(row["png_share"]) == pytest.approx(float(row["record_bytes"]) / float(row["png_bytes"]), rel=1e-5)
        own = [r for r in matrix if (r["vaccine"], r["family"]) == (row["vaccine"], row["family"])]
        assert row["psnr_delta"] == next(r["psnr"] for r in own if r["removed_by"] == "exact")
    size = {(row["vaccine"], row["family"]): float(row["delta_bytes"]) for row in table}
    assert size["none", "free"] == 0
    assert 32 < size["noise", "free"] < 200  # a seed, and a bit for each value that is not certain
    assert 32 < size["delta_d", "universal"] < 200
    assert max(size["delta_d", "block"], size["delta_d", "near"]) < 0.7 * size["delta_d", "free"]


def test_what_a_case_costs_is_what_its_record_costs(families, marked_others):
    """Without delta the study's record is the attack's own."""
    key = open_key(next(marked_others.glob("*.miadkey")))
    remainders = {record.image: len(record.remainder) for record in key.records.values()}
    for row in rows(families, "removal_images.csv"):
        if row["vaccine"] == "none":
            assert float(row["remainder_bytes"]) == remainders[row["image"]]
        assert float(row["record_bytes"]) > float(row["remainder_bytes"]) + float(row["delta_bytes"]) + 300


def test_over_the_mark_no_key_undoes_delta(study):
    assert {row["delta_bytes"] for row in rows(study) if row["order"] == "after"} == {"nan"}
    assert all(row["order"] == "before" for row in rows(study, "delta_families.csv"))
