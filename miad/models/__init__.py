"""Networks as plain ``nn.Module``; nothing here knows Lightning or the folder of a run."""

from miad.models.checkpoint import (
    find_checkpoint,
    load_classifier,
    load_segmenter,
    start_classifier,
    start_segmenter,
)
from miad.models.classifier import Classifier
from miad.models.evaluating import evaluating
from miad.models.losses import LossName, MaskLossName, classification_loss, segmentation_loss
from miad.models.segmenter import Segmenter

__all__ = [
    "Classifier",
    "LossName",
    "MaskLossName",
    "Segmenter",
    "classification_loss",
    "evaluating",
    "find_checkpoint",
    "load_classifier",
    "load_segmenter",
    "segmentation_loss",
    "start_classifier",
    "start_segmenter",
]
