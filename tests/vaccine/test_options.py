"""Budgets that are none, and the paper's preset."""

import re
from dataclasses import replace
from math import inf, nan

import pytest

from miad.errors import InputError
from miad.vaccine import PAPER, VaccineOptions


@pytest.mark.parametrize("kind", ["noise", "delta_d", "delta_i"])
@pytest.mark.parametrize(
    ("budget", "message"),
    [
        ({"eps": 0}, "expected eps of at least 1, found 0; for no delta take the vaccine 'none'"),
        ({"eps": -8}, "expected eps of at least 1, found -8; for no delta take the vaccine 'none'"),
        ({"eps": 128}, "expected eps of at most 127 grey levels, found 128"),
        ({"steps": 0}, "expected steps of at least 1, found 0; for no delta take the vaccine 'none'"),
        ({"step": 0.0}, "expected step above 0, found 0.0; for no delta take the vaccine 'none'"),
        ({"step": -2.0}, "expected step above 0, found -2.0; for no delta take the vaccine 'none'"),
        ({"step": nan}, "expected step above 0, found nan; for no delta take the vaccine 'none'"),
        ({"step": inf}, "expected step above 0, found inf; for no delta take the vaccine 'none'"),
        ({"gamma": -1}, "expected gamma of at least 0, found -1"),
        ({"mask_bonus": -0.1}, "expected mask_bonus of at least 0, found -0.1"),
    ],
)
def test_budgets_of_nothing_are_refused_in_one_line(kind, budget, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        VaccineOptions(kind, **budget)


def test_the_least_and_the_largest_budget_are_taken():
    assert VaccineOptions(eps=1, steps=1, step=0.001, gamma=0, mask_bonus=0).eps == 1
    assert VaccineOptions(eps=127).eps == 127


def test_none_needs_no_budget():
    assert not VaccineOptions("none", eps=0, steps=0).optimised


def test_the_paper_s_preset_is_the_paper_s():
    assert (PAPER.kind, PAPER.eps, PAPER.step, PAPER.steps) == ("delta_d", 8, 2, 50)
    assert (PAPER.start, PAPER.reference, PAPER.host) == ("zeros", "original", "clean")
    assert (PAPER.mask_term, PAPER.gamma, PAPER.mask_bonus) == ("squared", 2, 0)
    assert replace(PAPER, kind="delta_i").optimised
