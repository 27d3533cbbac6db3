"""Tables out of made-up cells, against the numbers that went in."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from miad.errors import InputError
from miad.evaluation import JudgedCell
from miad.evaluation.papers import read_paper
from miad.evaluation.protocols import (
    DEFAULT_SWEEPS,
    AttackCell,
    AttackFound,
    Findings,
    Missing,
    Plan,
    RemovalCell,
    RemovalFound,
    Shown,
    choose_protocols,
    gallery,
    over_seeds,
    protocols_of,
)
from miad.evaluation.report.document import Column, Table
from miad.search import HE_SIT, Status

MODELS = ("ResNet50", "vgg16", "ViT")
CLASSES = ("glioma", "meningioma", "pituitary")


@pytest.fixture
def plan():
    return Plan(
        paper=read_paper("miad"),
        data="BTMRI",
        models=MODELS,
        main="ResNet50",
        ensemble=(),
        removers=("SplitNet", "WDNet"),
        searches=("random", "he_sit"),
        sweeps=DEFAULT_SWEEPS,
        logos=("emblem",),
        estimated="gradcam:net",
    )


def judged(cell, seed=0, images=20):
    """A cell of made-up verdicts; its sources read every original that they did not skip."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(3, (images,), generator=generator)
    before, after = ({m: torch.rand(images, 3, generator=generator).softmax(1) for m in MODELS} for _ in range(2))
    status = [Status.SUCCESS, Status.FAILED, Status.SKIPPED, Status.INFEASIBLE]
    return JudgedCell(
        name="+".join(cell.sources),
        search=cell.search,
        sources=cell.sources,
        weights=(1 / len(cell.sources),) * len(cell.sources),
        labels=labels,
        status=tuple(status[i % 4] for i in range(images)),
        queries=tuple(range(images)),
        quality={"ssim": 0.9, "psnr": 20.0},
        before=before,
        after=after,
    )


def found_all(plan, *names):
    cells = [cell for name in names for cell in protocols_of("miad")[name].cells(plan)]
    attacks = {cell: AttackFound(judged(cell, n), CLASSES, []) for n, cell in enumerate(dict.fromkeys(cells))}
    return Findings(attacks)


def lines(table):
    names = [column.name for column in table.columns]
    return [dict(zip(names, row, strict=True)) for row in table.rows]


def test_accuracy_of_seen_models_is_that_of_the_attacked_images(plan):
    found = found_all(plan, "fig2b")
    (table,) = protocols_of("miad")["fig2b"].tables(plan, found)
    told = {(line["search"], line["model"]): line for line in lines(table)}
    for search in plan.searches:
        accuracies = []
        for model in MODELS:
            cell = found.attack(AttackCell(search, (model,))).judged
            attacked = [i for i, status in enumerate(cell.status) if status in (Status.SUCCESS, Status.FAILED)]
            right = [int(cell.after[model][i].argmax()) == int(cell.labels[i]) for i in attacked]
            line = told[search, model]
            assert (line["images"], line["accuracy_after"]) == (len(attacked), pytest.approx(np.mean(right)))
            assert line["queries_median"] == pytest.approx(np.median(attacked))
            accuracies.append(np.mean(right))
        assert told[search, "mean"]["accuracy_after"] == pytest.approx(np.mean(accuracies))
        assert told[search, "std"]["accuracy_after"] == pytest.approx(np.std(accuracies, ddof=1))
        assert told[search, "min"]["accuracy_after"] == pytest.approx(min(accuracies))
    assert told["he_sit", "mean"]["paper_accuracy_after"] == 0.3182
    assert told["he_sit", "ViT"]["paper_accuracy_after"] is None


def test_the_model_left_out_is_tested_on_what_the_others_gave(plan):
    found = found_all(plan, "fig2c")
    (table,) = protocols_of("miad")["fig2c"].tables(plan, found)
    line = next(line for line in lines(table) if (line["search"], line["model"]) == ("random", "vgg16"))
    cell = found.attack(AttackCell("random", ("ResNet50", "ViT"))).judged
    attacked = cell.attacked().numpy()
    right = (cell.after["vgg16"].argmax(1) == cell.labels).numpy()[attacked]
    assert line["accuracy_after"] == pytest.approx(right.mean())


def test_the_auc_is_over_all_images(plan):
    found = found_all(plan, "fig3")
    (table,) = protocols_of("miad")["fig3"].tables(plan, found)
    for line in lines(table)[:-1]:
        cell = found.attack(AttackCell("he_sit", (line["model"],))).judged
        truth = np.eye(3)[cell.labels.numpy()].ravel()
        for when, part in (("before", cell.before), ("after", cell.after)):
            own = roc_auc_score(truth, part[line["model"]].numpy().ravel())
            assert line[f"auc_micro_{when}"] == pytest.approx(own, abs=1e-6)
    assert lines(table)[-1]["paper_auc_micro_after"] == 0.6198


def test_a_missing_cell_is_missing_and_so_are_the_means_over_it(plan):
    found = found_all(plan, "fig2b")
    gone = AttackCell("he_sit", ("vgg16",))
    lacking = Findings({**found.results, gone: Missing("it failed")})
    (whole,), (table,) = (protocols_of("miad")["fig2b"].tables(plan, part) for part in (found, lacking))
    for before, after in zip(lines(whole), lines(table), strict=True):
        ours = [name for name in after if name not in ("search", "model") and not name.startswith("paper_")]
        if after["search"] == "he_sit" and after["model"] == "vgg16":
            assert [after[name] for name in ours] == [None] * len(ours)
        elif after["search"] == "he_sit" and after["model"] in ("mean", "std", "min"):
            assert [after[name] for name in ours if name != "images"] == [None] * (len(ours) - 1)
        else:
            assert after == before
        assert after["paper_accuracy_after"] == before["paper_accuracy_after"]
    words = "so is the mean over it"
    assert words in table.note
    assert words not in whole.note


@pytest.mark.parametrize("paper", ["miad", "medlocker"])
def test_with_nothing_computed_every_table_has_its_lines_and_no_number_of_ours(plan, paper):
    plan = replace(plan, paper=read_paper(paper), ensemble=MODELS[:2], healthy="glioma")
    for protocol in protocols_of(paper).values():
        tables = protocol.tables(plan, Findings({})) if protocol.tables else []
        for table in tables:
            assert table.rows
            for index, column in enumerate(table.columns):
                values = [row[index] for row in table.rows]
                assert column.paper or not any(isinstance(value, int | float) for value in values), table.name
        for chart in protocol.charts(tables) if protocol.charts else []:
            assert chart.data.startswith(b"<?xml")
        assert not protocol.pictures or not protocol.pictures(plan, Findings({}))
        assert protocol.summary is None or isinstance(protocol.summary(tables), str)


def removal_rows(plan, value):
    names = ("nothing", "exact", *plan.removers)
    measures = [f"{m}{p}" for m in ("psnr", "ssim", "rmse") for p in ("", "_protected")]
    accuracies = [f"accuracy/{model}" for model in MODELS]
    return [
        {"removed_by": name, **dict.fromkeys((*measures, *accuracies), value + n / 10)} for n, name in enumerate(names)
    ]


def test_a_remover_is_measured_with_the_delta_that_was_made_on_it(plan):
    results = {}
    for cell in protocols_of("miad")["table1"].cells(plan):
        delta = cell.attack if cell.vaccine == "own" else cell
        value = {"none": 1, "noise": 2, "delta_d": 3, "delta_i": 4}[delta.vaccine] + (delta.made_on == ("WDNet",)) / 2
        results[cell] = RemovalFound(removal_rows(plan, value + 10 * (cell.vaccine == "own")), [])
    (table,) = protocols_of("miad")["table1"].tables(plan, Findings(results))
    told = {(line["vaccine"], line["marks"], line["remover"]): line for line in lines(table)}
    same, anew = "as without", "searched anew"
    assert told["delta_d", same, "SplitNet"]["psnr"] == pytest.approx(3.2)
    assert told["delta_d", same, "WDNet"]["psnr"] == pytest.approx(3.8)
    assert told["delta_d", anew, "WDNet"]["psnr"] == pytest.approx(13.8)
    assert told["noise", same, "WDNet"]["ssim"] == pytest.approx(2.3)
    assert told["noise", anew, "WDNet"]["ssim"] == pytest.approx(12.3)
    assert told["none", "", "nothing"]["rmse"] == pytest.approx(1.0)
    assert told["noise", anew, "WDNet"]["paper_psnr"] == 32.0738  # the paper searches over each delta
    assert told["noise", same, "WDNet"]["paper_psnr"] is None
    assert "digit for digit" in table.note


def test_cells_are_shared_between_protocols(plan):
    cells = {name: set(protocol.cells(plan)) for name, protocol in protocols_of("miad").items()}
    assert cells["fig3"] < cells["fig2b"]
    assert cells["fig2a"] < cells["fig2c"]
    assert cells["fig5a"] == cells["fig5b"] < cells["table1"] == cells["fig8a"] == cells["fig10"]
    assert cells["fig5b"] < cells["fig5c"]
    assert cells["fig8b"] & cells["fig8a"] == {RemovalCell(AttackCell("he_sit", ("ResNet50",)))}


def test_a_sweep_changes_one_parameter_of_the_papers_settings(plan):
    points = protocols_of("miad")["fig6b"].cells(plan)
    common = replace(HE_SIT, population=5, position_rate=0.001)
    for cell in points:
        assert (cell.scale, cell.images) == (4.0, "sweep")
        changed = [
            n
            for n in ("population", "generations", "alpha_step", "crossover")
            if getattr(cell.strategy, n) != getattr(common, n)
        ]
        assert len(changed) <= 1
    assert {cell.strategy.crossover for cell in points} == {*DEFAULT_SWEEPS["fig6b/crossover"]}
    thresholds = {cell.threshold for cell in protocols_of("miad")["fig6a"].cells(plan)} - {None}
    assert thresholds == {*map(int, DEFAULT_SWEEPS["fig6a/threshold"])}


def test_medlockers_matrix_has_the_ensemble_as_source_and_target(plan):
    plan = replace(plan, paper=read_paper("medlocker"), data="EyePACS", ensemble=("ResNet50", "vgg16"))
    protocol = protocols_of("medlocker")["table2"]
    found = Findings(
        {cell: AttackFound(judged(cell, n, 400), CLASSES, []) for n, cell in enumerate(protocol.cells(plan))}
    )
    (table,) = protocol.tables(plan, found)
    told = {(line["source"], line["target"]): line for line in lines(table)}
    pairs = {(s, t) for s in MODELS for t in (*MODELS, "Ensemble") if s != t} | {("Ensemble", "ViT")}
    assert told.keys() == pairs
    cell = found.attack(AttackCell("bhe", ("vgg16",))).judged
    mean = {
        when: (part["ResNet50"] + part["vgg16"]) / 2 for when, part in (("before", cell.before), ("after", cell.after))
    }
    read = [cell.before[model].argmax(1) == cell.labels for model in MODELS] + [mean["before"].argmax(1) == cell.labels]
    fooled = torch.tensor([status is Status.SUCCESS for status in cell.status]) & torch.stack(read).all(0)
    assert fooled.any()
    share = (mean["after"].argmax(1) != cell.labels)[fooled].double().mean()
    assert told["vgg16", "Ensemble"]["asr"] == pytest.approx(float(share))
    assert told["vgg16", "Ensemble"]["images"] == int(fooled.sum())
    assert told["vgg16", "ResNet50"]["paper_asr"] == 0.6316


def test_images_with_and_without_lesions_are_told_apart(plan):
    plan = replace(plan, paper=read_paper("medlocker"), data="IDRiD", healthy="pituitary")
    protocol = protocols_of("medlocker")["table3"]
    found = Findings({cell: AttackFound(judged(cell, n), CLASSES, []) for n, cell in enumerate(protocol.cells(plan))})
    (table,) = protocol.tables(plan, found)
    for line in lines(table):
        cell = found.attack(AttackCell(line["search"], ("ResNet50",), place=line["place"])).judged
        own = (cell.labels == 2) if line["group"] == "No DR" else (cell.labels != 2)
        status = [one for one, chosen in zip(cell.status, own.tolist(), strict=True) if chosen]
        attacked = status.count(Status.SUCCESS) + status.count(Status.FAILED)
        assert (line["images"], line["infeasible"]) == (attacked, status.count(Status.INFEASIBLE))
        assert line["asr"] == (pytest.approx(status.count(Status.SUCCESS) / attacked) if attacked else None)


TABLE = Table(
    "t", "t", (Column("k", "k"), Column("images", "images"), Column("v", "v"), Column("p", "p", paper=True)), ()
)


def test_over_seeds_are_means_and_standard_errors():
    parts = [
        replace(TABLE, rows=(("a", 3, value, 0.5), ("b", 1, None if n else 1.0, None)))
        for n, value in enumerate((1.0, 2.0, 6.0))
    ]
    table = over_seeds(parts)
    assert [column.name for column in table.columns] == ["k", "images", "v", "v_error", "p"]
    first, second = table.rows
    assert first == ("a", 9, 3.0, pytest.approx(np.std([1, 2, 6], ddof=1) / np.sqrt(3)), 0.5)
    assert second == ("b", 3, None, None, None)
    assert over_seeds(parts[:1]) is parts[0]


def test_protocols_are_chosen_by_name_or_by_the_figure_they_belong_to():
    assert [one.name for one in choose_protocols("miad", ["table1", "fig2"])] == ["fig2a", "fig2b", "fig2c", "table1"]
    assert [one.name for one in choose_protocols("medlocker", [])] == ["table1", "table2", "table3", "fig4a", "fig4b"]
    with pytest.raises(InputError, match=r"found 'tabel1'; did you mean table1\?"):
        choose_protocols("miad", ["tabel1"])


def test_what_could_not_be_measured_is_missing_not_nan(plan):
    cell = AttackCell("random", ("ViT",))
    nobody = replace(judged(cell), status=(Status.SKIPPED,) * 20, quality={"ssim": nan, "psnr": nan})
    found = Findings({cell: AttackFound(nobody, CLASSES, [])})
    (table,) = protocols_of("miad")["fig2b"].tables(plan, found)
    line = next(line for line in lines(table) if (line["search"], line["model"]) == ("random", "ViT"))
    assert (line["images"], line["accuracy_after"], line["ssim"]) == (0, None, None)


@pytest.mark.parametrize("search", ["he_sit", "bhe"])
def test_without_removals_the_gallery_shows_the_marks(plan, search):
    cell = AttackCell(search, (plan.main,))
    pixels = np.zeros((8, 8), np.uint8)
    shown = [Shown("a", kind, pixels, "glioma", "pituitary", 0.9) for kind in ("original", "marked")]
    assert gallery(plan, Findings({})) == []
    assert gallery(plan, Findings({cell: AttackFound(judged(cell), CLASSES, [])})) == []
    (figure,) = gallery(plan, Findings({cell: AttackFound(judged(cell), CLASSES, shown)}))
    assert (figure.name, figure.data[1:4]) == ("gallery", b"PNG")
    assert figure.title == f"Images whose marks fooled {plan.main}"
