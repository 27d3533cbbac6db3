"""Small real things that many tests share: a tiny network, a tiny data set."""

import pytest
import torch
from hypothesis import settings
from torch import nn

from miad.evaluation.report import write_report
from miad.imaging import resize
from miad.targets import Ensemble, Target

torch.set_num_threads(1)  # networks this small lose more by sharing cores than they gain
settings.register_profile("miad", deadline=None)  # how fast a busy machine is, no test asks
settings.load_profile("miad")

CLASSES = ("glioma", "meningioma", "pituitary")
SIZE = 32


class BrightSpots(nn.Module):
    """Reads uint8 images with two convolutions; random but fixed weights make it sensitive to place and strength."""

    def __init__(self, seed: int, classes: int = len(CLASSES)) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=2),
            nn.ReLU(),
            nn.Conv2d(8, 8, 3, stride=2),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(3),
            nn.Flatten(),
            nn.Linear(72, classes),
        ).double()  # so that a batch's size can not tip a close call

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 30 * self.layers(resize(images.float(), (SIZE, SIZE)).double() / 255 - 0.5)


@pytest.fixture
def make_target():
    """A function that makes a target from a seed."""
    return lambda seed=0, name=None: Target(name or f"spots{seed}", BrightSpots(seed), CLASSES, SIZE)


@pytest.fixture
def ensemble(make_target):
    return Ensemble([make_target(1), make_target(2)])


@pytest.fixture
def hosts():
    """Eight smooth noisy images of 40 x 48 pixels."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(8, 3, 5, 6, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(40, 48), mode="bilinear")
    return (255 * (0.9 * smooth + 0.1 * torch.rand(8, 3, 40, 48, generator=generator))).to(torch.uint8)


@pytest.fixture
def written(monkeypatch):
    """The reports that are written from now on."""
    return keep_reports(monkeypatch)


def keep_reports(patch):
    """Keep what the writer of pages gets, which still writes it."""
    reports = []

    def write(document, folder):
        reports.append(document)
        return write_report(document, folder)

    patch.setattr("miad.commands.report.write_report", write)
    return reports


def pytest_make_parametrize_id(config, val, argname):
    """Secrets, which every process draws anew, do not name tests: workers would not agree on the names."""
    text = val.decode(errors="replace") if isinstance(val, bytes) else val
    return argname if isinstance(text, str) and ("SECRET" in text.upper() or "PRIVATE" in text) else None
