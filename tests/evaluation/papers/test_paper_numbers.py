"""The papers' numbers: where they come from, and what of them adds up."""

from collections import Counter
from statistics import fmean

import pytest

from miad.evaluation.papers import alike, read_paper

MIAD, MEDLOCKER = read_paper("miad"), read_paper("medlocker")
SETS = ("Messidor", "ISIC2019", "BTMRI")


def values(paper, item, measure, setting=None):
    return [
        number.value
        for number in paper.numbers
        if (number.item, number.measure) == (item, measure)
        and number.data != "all"
        and setting in (None, number.setting)
    ]


@pytest.mark.parametrize("paper", [MIAD, MEDLOCKER], ids=lambda paper: paper.title)
def test_every_number_has_a_source_and_stands_once(paper):
    assert all(number.source for number in paper.numbers)
    places = Counter((*number[:5], number.source) for number in paper.numbers)
    assert max(places.values()) == 1


@pytest.mark.parametrize("paper", [MIAD, MEDLOCKER], ids=lambda paper: paper.title)
def test_shares_are_shares(paper):
    shares = {"accuracy", "accuracy_std", "accuracy_input", "accuracy_output", "asr", "auc_micro", "ssim", "range"}
    assert all(0 <= number.value <= 1 for number in paper.numbers if number.measure in shares)


def test_the_tables_of_miad_are_whole():
    counts = Counter(number.item for number in MIAD.numbers if number.data != "all")
    assert counts == {
        "fig2b": 2,
        "fig2c": 2,
        "fig3": 3,
        "fig4b": 24,
        "fig5b": 36,
        "fig5c": 72,
        "fig7a": 12,
        "fig8b": 48,
        "table1": 72,
    }


def test_the_tables_of_medlocker_are_whole():
    assert Counter(number.item for number in MEDLOCKER.numbers) == {"table1": 8, "table2": 52, "table3": 8, "fig4b": 4}


def test_figure_5c_has_another_mean_than_the_abstract_and_a_note_says_so():
    abstract = MIAD.find("fig5c", "accuracy", "BTMRI", "mean", "with", or_all=True)
    assert (abstract.value, abstract.data) == (0.3859, "all")
    mean = fmean(values(MIAD, "fig5c", "accuracy", "with"))
    assert round(mean, 4) == 0.3851
    assert str(round(mean, 4)) in abstract.note
    pairs = {n[:4]: n.value for n in MIAD.numbers if n.item == "fig5c" and n.setting == "without" and n.data != "all"}
    after = {n[:4]: n.value for n in MIAD.numbers if n.item == "fig5c" and n.setting == "with" and n.data != "all"}
    assert len(pairs) == 36
    assert all(after[place] < value for place, value in pairs.items())
    assert round(fmean(pairs.values()), 4) == 0.6208


def test_figures_of_medlocker_are_means_of_its_table_2():
    def mean_of(**where):
        own = [n for n in MEDLOCKER.numbers if n.item == "table2" and all(getattr(n, k) == v for k, v in where.items())]
        return fmean(number.value for number in own)

    told = {(n.subject, n.setting): n.value for n in MEDLOCKER.numbers if n.item == "fig4b"}
    for (model, role), value in told.items():
        own = mean_of(subject=model) if role == "source" else 1 - mean_of(setting=model)
        assert value == pytest.approx(own, abs=6e-5)


def test_what_was_copied_from_another_cell_has_a_note():
    for copied, place in (("ISIC2019", "delta_i"), ("BTMRI", "delta_d")):
        for measure in ("psnr", "ssim", "rmse"):
            own = MIAD.find("table1", measure, copied, "WDNet", "noise")
            assert own.value == MIAD.value("table1", measure, "Messidor", "WDNet", place)
            assert "digit for digit" in own.note


def test_what_two_tables_tell_differently_has_a_note():
    one = MIAD.find("fig5b", "psnr", "Messidor", "SplitNet", "with")
    other = MIAD.find("table1", "psnr", "Messidor", "SplitNet", "delta_d")
    assert (str(other.value) in one.note, str(one.value) in other.note) == (True, True)
    for data in SETS:
        marked = MIAD.find("fig4b", "accuracy", data, "", "marked")
        assert marked.value > 0
        assert "0.0" in marked.note


def test_names_are_found_however_they_are_spelt():
    assert MIAD.value("fig5c", "accuracy", "BTMRI", "inception_v3/wdnet", "with") == 0.2963
    assert alike("MobileNetv3") == alike("mobilenet-V3") != alike("MobileNetv2")


def test_what_the_paper_gives_in_a_picture_only_is_not_there():
    assert MIAD.value("fig2b", "accuracy", "BTMRI", "ResNet50", "he_sit") is None
    assert MIAD.value("fig2b", "accuracy", "BTMRI", "mean", "he_sit") is None
    assert MIAD.value("fig2b", "accuracy", "BTMRI", "mean", "he_sit", or_all=True) == 0.3182


def test_notes_are_told_once_with_all_that_they_hold_for():
    (note,) = [note for note in MIAD.notes("fig2b", "BTMRI") if "picture only" in note]
    assert all(part in note for part in ("0.843 (mean random)", "0.3862 (mean he)", "0.3182 (mean he_sit)"))
