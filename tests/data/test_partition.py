"""The 3:1 split: every class in its share, no patient on both sides."""

import random
from collections import Counter

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from miad.data.partition import partition
from miad.errors import InputError

images = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["", *"abcdefg"])), min_size=12, max_size=40)


@pytest.mark.parametrize("patients", [[""] * 24, [f"patient {index}" for index in range(24)]], ids=["blank", "named"])
def test_exactly_a_quarter_of_each_class_is_held_out(patients):
    labels = [0] * 12 + [1] * 8 + [2] * 4
    held_out = partition(labels, patients, seed=1)
    counts = Counter(label for label, out in zip(labels, held_out, strict=True) if out)
    assert counts == {0: 3, 1: 2, 2: 1}


@pytest.mark.filterwarnings("ignore:The least populated class")
@given(images, st.integers(0, 100))
@settings(deadline=None, max_examples=60)
def test_patients_stay_whole_and_both_sides_have_images(rows, seed):
    labels, patients = zip(*rows, strict=True)
    assume(len(set(patients) - {""}) + patients.count("") >= 4)
    held_out = partition(labels, patients, seed)
    sides = [
        {p for p, side in zip(patients, held_out, strict=True) if p and side is wanted} for wanted in (True, False)
    ]
    assert not set.intersection(*sides)
    assert set(held_out) == {True, False}


def test_the_seed_alone_decides():
    labels, patients = [0, 1] * 20, [str(index // 2) for index in range(40)]
    first = partition(labels, patients, seed=1)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002  (the generator that scikit-learn falls back to)
    assert partition(labels, patients, seed=1) == first
    assert any(partition(labels, patients, seed=seed) != first for seed in range(2, 6))


@pytest.mark.parametrize(("patients", "found"), [(["a", "b", "c"] * 4, 3), (["a"] * 12, 1), ([""] * 3, 3)])
def test_fewer_than_four_patients_are_refused_in_one_line(patients, found):
    with pytest.raises(InputError, match=rf"\A.*at least 4 patients.*found {found}; add images\Z"):
        partition([0] * len(patients), patients, seed=0)


def test_four_images_without_patients_are_enough():
    assert sum(partition([0] * 4, [""] * 4, seed=0)) == 1


def test_a_blank_patient_is_nobody_elses_namesake():
    assert sum(partition([0] * 4, ["image 1", "", "a", "b"], seed=0)) == 1


def test_classes_that_all_have_fewer_than_four_images_are_refused_in_one_line():
    with pytest.raises(InputError, match=r"\A.*add images\Z"):
        partition([0, 1, 2, 3] * 3, [""] * 12, seed=0)
