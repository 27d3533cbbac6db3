"""Losses against their formulas in double precision, and their slopes where masks are sure."""

import pytest
import torch

from miad.models.removers import Removal
from miad.vaccine import VaccineOptions
from miad.vaccine.losses import disruption, visibility


@pytest.fixture
def removal():
    torch.manual_seed(0)
    return Removal(torch.rand(3, 3, 4, 5), torch.rand(3, 1, 4, 5))


@pytest.fixture
def reference():
    torch.manual_seed(1)
    return torch.rand(3, 3, 4, 5)


def image_term(removal, reference):
    return torch.stack([((a - b).double() ** 2).mean() for a, b in zip(removal.image, reference, strict=True)])


def test_delta_d_is_a_mean_of_squares_and_the_bonus(removal, reference):
    expected = image_term(removal, reference) + 0.3 * torch.stack([m.double().log().mean() for m in removal.mask])
    assert torch.allclose(disruption(removal, reference, VaccineOptions(mask_bonus=0.3)).double(), expected)


@pytest.mark.parametrize(
    ("term", "of_mask"),
    [("squared", lambda m: m**2), ("entropy", lambda m: -(1 - m).log())],
    ids=["squared", "entropy"],
)
def test_delta_i_is_gamma_times_the_image_and_the_mask(term, of_mask, removal, reference):
    options = VaccineOptions("delta_i", gamma=3, mask_term=term)
    expected = 3 * image_term(removal, reference) + of_mask(removal.mask.double()).mean((1, 2, 3))
    assert torch.allclose(visibility(removal, reference, options).double(), expected)


def slope(loss, logit, options):
    """Of the loss by the mask's logit; the image is left as it is."""
    logit = torch.tensor([[[[logit]]]], requires_grad=True)
    image = torch.full((1, 3, 1, 1), 0.5)
    (gradient,) = torch.autograd.grad(loss(Removal(image, logit.sigmoid()), image, options).sum(), logit)
    return gradient.item()


@pytest.mark.parametrize("logit", [-80.0, -25.0, -5.0, 0.0, 5.0, 12.0])
def test_the_bonus_has_the_slope_of_the_logit_on_an_empty_mask_and_none_on_a_full_one(logit):
    expected = 1 - torch.tensor(logit, dtype=torch.double).sigmoid().item()
    assert slope(disruption, logit, VaccineOptions(mask_bonus=1)) == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize("logit", [-25.0, -5.0, 0.0, 5.0, 12.0])
def test_entropy_has_the_slope_of_the_logit_on_a_full_mask(logit):
    expected = torch.tensor(logit, dtype=torch.double).sigmoid().item()
    assert slope(visibility, logit, VaccineOptions("delta_i")) == pytest.approx(expected, rel=0.05)
    assert slope(visibility, 12.0, VaccineOptions("delta_i", mask_term="squared")) < 1e-4


@pytest.mark.parametrize("logit", [-200.0, 200.0])
@pytest.mark.parametrize("loss", [disruption, visibility])
def test_masks_that_are_exactly_0_or_1_have_no_slope_but_numbers(loss, logit):
    assert slope(loss, logit, VaccineOptions()) in (0, 1)


def test_no_image_s_loss_knows_of_another(removal, reference):
    for loss in (disruption, visibility):
        together = loss(removal, reference, VaccineOptions())
        alone = loss(Removal(removal.image[1:2], removal.mask[1:2]), reference[1:2], VaccineOptions())
        assert torch.equal(together[1:2], alone)
