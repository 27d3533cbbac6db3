"""Networks that mix the images of a batch are found before they are searched on."""

import pytest
import torch
from torch import nn

from miad.errors import InputError
from miad.targets import Target, check_independence


class Mixing(nn.Module):
    """Compares each image with the mean of its batch."""

    def __init__(self, share):
        super().__init__()
        self.share = share
        self.head = nn.Linear(48, 3)

    def forward(self, images):
        flat = images.float().flatten(1) / 255
        return self.head(flat - self.share * flat.mean(0))


@pytest.fixture
def images():
    return torch.randint(256, (3, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def make(share):
    torch.manual_seed(0)
    return Target("mixing", Mixing(share), ("x", "y", "z"), 4)


def test_a_network_that_mixes_images_is_named(images):
    with pytest.raises(InputError, match=r"\Amixing: expected the same answer [^\n]* up to 0\.\d+ apart; [^\n]*\Z"):
        check_independence([make(0.0), make(0.5)], images)


def test_one_that_answers_for_each_by_itself_passes(images, make_target):
    check_independence([make(0.0), make_target(3)], images)


def test_one_whose_answers_are_no_numbers_does_not_pass(images):
    broken = make(0.0)
    broken.network.head.weight.data.fill_(float("nan"))
    with pytest.raises(
        InputError, match=r"\Amixing: expected probabilities, found values that are no numbers; [^\n]*\Z"
    ):
        check_independence([broken], images)
