"""Dropping candidates early never changes what is said of those that matter."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from miad.targets import Ensemble, Target, judge, views

CLASSES = ("a", "b", "c")


class Table(nn.Module):
    """Reads an image's number off its first pixel and answers what a table says; wide ones take more operations."""

    def __init__(self, probabilities, width):
        super().__init__()
        self.logits = nn.Parameter(probabilities.clamp(min=1e-6).log())
        self.work = nn.Linear(width, width)
        self.read = []

    def forward(self, images):
        numbers = images[:, 0, 0, 0].round().long()
        self.read.append(numbers.tolist())
        self.work(torch.zeros(len(images), self.work.in_features))
        return self.logits[numbers]


def make(tables, success="mean", weights=None, widths=None):
    widths = widths or range(1, len(tables) + 1)
    members = [Target(f"m{i}", Table(t, w), CLASSES, 2) for i, (t, w) in enumerate(zip(tables, widths, strict=True))]
    return Ensemble(members, weights, success)


def seen(ensemble, count):
    images = torch.arange(count, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 2, 2)
    return views([images], ensemble.members)


@st.composite
def cases(draw):
    members, count = draw(st.integers(1, 4)), draw(st.integers(1, 30))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 10_000)))
    sharpness = draw(st.sampled_from([0.5, 3.0, 20.0]))
    tables = (sharpness * torch.randn(members, count, 3, generator=generator)).softmax(2)
    labels = torch.randint(3, (count,), generator=generator)
    cutoff = torch.rand(count, generator=generator)
    cutoff[torch.rand(count, generator=generator) < 0.2] = torch.inf
    success = draw(st.sampled_from(["mean", "all", *range(1, members + 1)]))
    weights = draw(st.sampled_from([None, [1.0, 2.0, 0.5, 0.0][:members]]))
    return tables, labels, cutoff, success, weights


@given(case=cases())
def test_what_matters_is_told_exactly_and_what_is_dropped_does_not_matter(case):
    tables, labels, cutoff, success, weights = case
    ensemble = make(tables, success, weights)
    with torch.no_grad():
        exact, found = (
            judge(ensemble, seen(ensemble, len(labels)), labels),
            judge(ensemble, seen(ensemble, len(labels)), labels, cutoff),
        )
    told = (found.lead == exact.lead) & (found.confidence == exact.confidence)
    assert torch.equal(found.misread, exact.misread)
    assert told[exact.misread | (exact.confidence <= cutoff)].all()
    assert (found.confidence[~told] > cutoff[~told]).all()
    assert (found.confidence <= exact.confidence + 1e-6).all()
    assert (found.lead[~told] == -1).all()


def test_what_can_not_be_misread_any_more_costs_no_further_members():
    """Three members: two that are sure of the label outvote the third, one does not."""
    sure, unsure, wrong = [0.98, 0.01, 0.01], [0.4, 0.3, 0.3], [0.05, 0.9, 0.05]
    tables = torch.tensor([[sure, sure, sure], [sure, unsure, wrong], [sure, sure, wrong]])
    ensemble = make(tables)
    verdict = judge(ensemble, seen(ensemble, 3), torch.zeros(3, dtype=torch.int64), torch.full((3,), 0.5))
    assert [target.network.read[-1] for target in ensemble.members] == [[0, 1, 2], [0, 1, 2], [1, 2]]
    assert verdict.misread.tolist() == [False, False, True]
    assert verdict.confidence.tolist() == pytest.approx(
        [2 * 0.98 / 3, (0.98 + 0.4 + 0.98) / 3, (0.98 + 0.05 + 0.05) / 3]
    )


def test_what_may_become_a_parent_is_told_exactly_though_it_is_read():
    sure = torch.tensor([[[0.98, 0.01, 0.01]] * 2] * 3)
    ensemble = make(sure)
    verdict = judge(ensemble, seen(ensemble, 2), torch.zeros(2, dtype=torch.int64), torch.tensor([0.6, torch.inf]))
    assert verdict.confidence.tolist() == pytest.approx([2 * 0.98 / 3, 0.98])
    assert verdict.lead.tolist() == pytest.approx([-1, -0.97])


def test_where_all_must_misread_the_first_who_reads_ends_it():
    tables = torch.tensor([[[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]]] * 3)
    ensemble = make(tables, "all")
    judge(ensemble, seen(ensemble, 2), torch.zeros(2, dtype=torch.int64), torch.zeros(2))
    assert [target.network.read[-1] for target in ensemble.members] == [[0, 1], [1], [1]]


def test_the_cheapest_member_is_asked_first():
    ensemble = make(torch.full((3, 2, 3), 1 / 3), widths=[50, 3, 20])
    assert ensemble.cheapest_first == [1, 2, 0]


def test_without_a_cutoff_everyone_is_asked_about_everything():
    tables = torch.tensor([[[0.98, 0.01, 0.01]] * 4] * 3)
    ensemble = make(tables)
    judge(ensemble, seen(ensemble, 4), torch.zeros(4, dtype=torch.int64))
    assert [target.network.read for target in ensemble.members] == [[[0, 1, 2, 3]]] * 3
