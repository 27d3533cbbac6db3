"""Classifiers seen as functions of uint8 pixels: one model, or a weighted ensemble of several."""

from miad.targets.ensemble import Ensemble, Success, Views, views
from miad.targets.independence import check_independence, check_numbers
from miad.targets.scoring import score_images
from miad.targets.target import Target, load_target, weights_digest
from miad.targets.verdict import Verdict, judge

__all__ = [
    "Ensemble",
    "Success",
    "Target",
    "Verdict",
    "Views",
    "check_independence",
    "check_numbers",
    "judge",
    "load_target",
    "score_images",
    "views",
    "weights_digest",
]
