"""Marks kept off lesions: what is written, what is reported, what is refused."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from miad.cli import main
from miad.commands import marking as marking_module
from miad.commands.attack import attack
from miad.commands.lesions import LesionOptions, mask_words
from miad.data.phantom.module import PhantomDataset
from miad.errors import RunError
from miad.imaging import read_image
from miad.keys import open_key, recover_folder
from miad.lesions import GradCamMasks, LesionFinder
from miad.search import HeuristicEvolution, RandomSearch
from miad.targets import load_target
from miad.tasks import SegmenterTask

from .conftest import save_run, tree

HE = HeuristicEvolution()


def rows(folder):
    with (folder / "attack.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def changed(folder, dataset, index):
    return dataset.pixels(index) != read_image(folder / "marked" / dataset.ids[index])


@pytest.fixture(scope="module")
def segmenter(tmp_path_factory):
    """A segmenter of random weights that finds something, as `miad fit segmenter` saves it."""
    torch.manual_seed(0)
    task = SegmenterTask(["lesion"], "mobilenet_v2", 64, width=16)
    folder = tmp_path_factory.mktemp("segmenter") / "segmenter"
    (folder / "checkpoints").mkdir(parents=True)
    state = {"hyper_parameters": dict(task.hparams), "state_dict": task.state_dict()}
    torch.save(state, folder / "checkpoints" / "best.ckpt")
    return folder


@pytest.fixture
def mark(zoo, phantom, make_run):
    """A function that marks twenty slices and gives the folder, the data set and the measures."""

    def run(name="run", search=HE, source=0, **options):
        data, target = phantom(), make_run(name)
        measures = attack(data, str(zoo[source]), target, search=search, images=7, batch_size=32, **options)
        return target.folder, data.split("test"), measures

    return run


def test_no_mark_meets_the_box_of_a_given_lesion(mark):
    folder, dataset, measures = mark(lesions=LesionOptions(margin=2))
    for index, row in enumerate(rows(folder)):
        y, x = np.nonzero(dataset.lesion_mask(index))
        box = np.s_[max(y.min() - 2, 0) : y.max() + 3, max(x.min() - 2, 0) : x.max() + 3]
        if row["status"] != "infeasible":
            assert not changed(folder, dataset, index)[box].any()
    assert measures["lesion_pixels_covered"] == measures["lesions_covered"] == 0
    assert measures["lesion_caught"] == 1


@pytest.mark.parametrize("place", ["anywhere", "inside"])
def test_what_a_mark_covers_is_counted_on_the_written_file(mark, place):
    folder, dataset, measures = mark(place=place)
    total = 0
    for index, row in enumerate(rows(folder)):
        lesion = dataset.lesion_mask(index)
        assert int(row["lesion"]) == lesion.sum()
        covered = (changed(folder, dataset, index) & lesion).sum() if row["status"] != "infeasible" else 0
        assert int(row["covered"]) == covered
        total += covered
    assert measures["lesion_pixels_covered"] == total > 0


def test_inside_meets_every_lesion(mark):
    options = LesionOptions(region="pixel", kept="drawn")
    folder, dataset, measures = mark(place="inside", search=RandomSearch(), lesions=options, alpha_min=220)
    for index, row in enumerate(rows(folder)):
        assert (changed(folder, dataset, index) & dataset.lesion_mask(index)).any() == (int(row["covered"]) > 0)
    assert measures["lesions_covered"] >= 18  # a black pixel under black ink does not change


def test_gradcam_marks_keep_off_the_heatmap(mark, zoo):
    folder, dataset, measures = mark(mask="gradcam", lesions=LesionOptions(region="pixel", largest_raise=0))
    finder = LesionFinder([GradCamMasks(load_target(zoo[0]).network)])
    caught = []
    for index, row in enumerate(rows(folder)):
        item = dataset[index]
        mask = finder(item.image[None], torch.tensor([item.label]), [None]).masks()[0].numpy()
        if row["status"] != "infeasible":
            assert not changed(folder, dataset, index)[mask].any()
        lesion = dataset.lesion_mask(index)
        assert int(row["caught"]) == (mask & lesion).sum()
        caught.append((mask & lesion).sum() / lesion.sum())
        assert row["trusted"] == ("no" if row["status"] == "skipped" else "yes")
    assert measures["lesion_caught"] == pytest.approx(np.mean(caught))


def test_a_union_keeps_off_both(mark, zoo):
    folder, _, measures = mark(mask=f"given+gradcam:{zoo[1]}")
    assert measures["lesion_pixels_covered"] == 0
    assert measures["lesion_caught"] == 1
    assert any(row["trusted"] == "no" for row in rows(folder))


def test_a_segmenter_s_masks_are_kept_free(mark, segmenter):
    _, _, measures = mark(mask=f"segmenter:{segmenter}", lesions=LesionOptions(probability=0.9))
    assert measures["images"] == 20
    assert 0 <= measures["lesion_caught"] <= 1


def test_the_logo_shrinks_where_it_must_and_the_key_still_restores(mark, monkeypatch, tmp_path):
    lesion = np.ones((48, 48), bool)
    lesion[:8, :18] = False
    monkeypatch.setattr(PhantomDataset, "lesion_mask", lambda *_: lesion)
    folder, _, measures = mark(lesions=LesionOptions(region="pixel"))
    assert all(2 < float(row["scale"]) <= 4 for row in rows(folder))
    assert (measures["gave_way"], measures["infeasible"]) == (20, 0)
    assert measures["lesion_pixels_covered"] == 0
    back = list(recover_folder(open_key(folder / "run.miadkey"), folder / "marked", tmp_path / "back"))
    assert [one.problem for one in back] == [""] * 20


def test_the_same_run_twice_writes_the_same_files(mark):
    first, _, _ = mark("first", mask="gradcam")
    second, _, _ = mark("second", mask="gradcam")
    marks = [
        {name: data for name, data in tree(folder).items() if name.startswith("marked")} for folder in (first, second)
    ]
    assert marks[0] == marks[1]


def test_a_run_is_not_taken_up_with_other_masks(mark, monkeypatch):
    """The images' ids and labels are the same; what must stay free is not."""
    mark()
    monkeypatch.setattr(PhantomDataset, "lesion_mask", lambda *_: np.eye(48, dtype=bool))
    with pytest.raises(RunError, match=r"holds a different run: inputs\.images"):
        mark()


@pytest.mark.parametrize("probability", [0.5, 0.7, 0.9])
def test_pictures_show_the_search_s_own_masks_in_half_precision(zoo, phantom, make_run, segmenter, probability):
    run = make_run()
    run.precision = "bf16-mixed"
    options = LesionOptions(region="pixel", probability=probability)
    attack(phantom(), str(zoo[0]), run, search=HE, images=7, mask=f"segmenter:{segmenter}", lesions=options)
    assert (run.folder / "metrics.csv").is_file()


def test_a_view_is_small_and_comes_back_as_it_was(tmp_path, mark, monkeypatch):
    seen = []
    monkeypatch.setattr(marking_module, "draw_lesions", lambda path, views: seen.extend(views) or path.touch())
    folder, dataset, _ = mark(pictures=4)
    assert len(seen) == 4
    for view in seen:
        index = dataset.ids.index(view.caption.split("\n")[0])
        row = rows(folder)[index]
        assert np.array_equal(view.lesion, dataset.lesion_mask(index))
        assert view.corner.tolist() == [int(row["x"]), int(row["y"])]
        assert view.corners[int(row["y"]), int(row["x"])]
        assert not (view.mask & ~view.blocked).any()


def test_so_many_images_are_drawn_as_are_to_be_logged_and_sixteen_where_none_are(mark):
    folder, _, _ = mark(mask="gradcam", pictures=3)
    with Image.open(folder / "lesions.png") as picture:
        assert 3 * 150 < picture.height < 4 * 250
    with Image.open(mark("none", pictures=0)[0] / "lesions.png") as picture:
        assert picture.height > 12 * 200


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--mask", "guess"], "expected a mask of given, gradcam, gradcam:FOLDER or segmenter:FOLDER"),
        (["--mask", "segmenter"], "expected a mask of given"),
        (["--mask", "given+"], "expected a mask of given"),
        (["--mask", "segmenter:nowhere"], "nowhere"),
        (["--mask", "gradcam:nowhere"], "nowhere"),
        (["--mask", "segmenter:{net}"], "segmenter"),
        (["--mask", "gradcam", "--lesions.layer", "layer9"], "did you mean layer4"),
        (["--mask", "gradcam", "--lesions.layer", "fc"], "name an earlier layer"),
        (["--mask", "gradcam", "--lesions.channels", "0"], "share of channels"),
        (["--lesions.probability", "1.2"], "expected a probability between 1/255 and 1, found 1.2"),
        (["--lesions.largest_scale", "nan"], "largest_scale"),
        (["--mask", "gradcam", "--lesions.threshold", "300"], "threshold between 1 and 255"),
        (["--mask", "gradcam:{other}"], "tells 2 classes apart"),
        (["--mask", "gradcam:{vit}"], "no convolutional feature map"),
        (["--place", "beside"], "place"),
        (["--lesions.region", "circle"], "region"),
        (["--lesions.margin", "-1"], "margin"),
        (["--lesions.merge", "2"], "merge"),
        (["--lesions.smallest", "-0.1"], "smallest"),
    ],
    ids=lambda value: "-".join(value).strip("-") if isinstance(value, list) else "",
)
def test_a_bad_option_is_named_before_anything_is_written(tmp_path, zoo, capsys, words, expected):
    folders = {
        "net": zoo[0],
        "other": save_run(tmp_path / "other", 1, classes=["a", "b"]),
        "vit": save_run(tmp_path / "vit", 1, backbone="test_vit", size=160),
    }
    data = ["--data", "Phantom", "--data.kind", "brain", "--data.size", "32", "--data.train", "0", "--data.val", "0"]
    run = ["--run.name", "a", "--run.root", str(tmp_path / "runs"), "--run.wandb", "off", "--run.accelerator", "cpu"]
    typed = [word.format(**folders) for word in words]
    with pytest.raises(SystemExit) as stop:
        main(["attack", *data, "--data.test", "6", "--sources", str(zoo[0]), *run, "--no_run.progress", *typed])
    err = capsys.readouterr().err
    assert (stop.value.code, err.count("\n")) == (2, 1), err
    assert expected in err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        ("given", ["given"]),
        ("given + gradcam", ["given", "gradcam"]),
        ("segmenter:runs/a+b+given", ["segmenter:runs/a+b", "given"]),
        ("gradcam:a+segmenter:b+", ["gradcam:a", "segmenter:b", ""]),
    ],
)
def test_a_folder_s_name_may_hold_a_plus(mask, words):
    assert mask_words(mask) == words
