"""What stands beside the bar of a training."""

from types import SimpleNamespace

import pytest

from miad.commands.training_bar import TrainingBar


@pytest.mark.parametrize(
    ("known", "shown"),
    [
        ({}, {}),
        ({"train/loss": 0.9374}, {"train/loss": 0.9374}),
        (
            {"train/loss": 1.0, "val/accuracy": 0.5, "val/auc_macro": 0.7, "val/loss": 2.0},
            {"train/loss": 1.0, "val/auc_macro": 0.7},
        ),
    ],
)
def test_the_bar_shows_the_loss_and_the_score_that_decides(known, shown):
    trainer = SimpleNamespace(loggers=[SimpleNamespace(version=7)], progress_bar_metrics=known)
    assert TrainingBar("val/auc_macro").get_metrics(trainer, None) == shown
