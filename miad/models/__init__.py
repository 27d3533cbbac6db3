"""Networks as plain ``nn.Module``; nothing here knows Lightning or the folder of a run."""

from miad.models.checkpoint import (
    find_checkpoint,
    load_classifier,
    load_remover,
    load_segmenter,
    start_classifier,
    start_remover,
    start_segmenter,
)
from miad.models.classifier import Classifier
from miad.models.evaluating import evaluating
from miad.models.losses import LossName, MaskLossName, classification_loss, segmentation_loss
from miad.models.normalised import Normalised
from miad.models.removers import (
    REMOVERS,
    FineTuningLoss,
    Removal,
    Remover,
    RemoverLoss,
    RemoverName,
    Truth,
    build_remover,
    load_public,
    remover_loss,
    remover_name,
)
from miad.models.segmenter import Segmenter

__all__ = [
    "REMOVERS",
    "Classifier",
    "FineTuningLoss",
    "LossName",
    "MaskLossName",
    "Normalised",
    "Removal",
    "Remover",
    "RemoverLoss",
    "RemoverName",
    "Segmenter",
    "Truth",
    "build_remover",
    "classification_loss",
    "evaluating",
    "find_checkpoint",
    "load_classifier",
    "load_public",
    "load_remover",
    "load_segmenter",
    "remover_loss",
    "remover_name",
    "segmentation_loss",
    "start_classifier",
    "start_remover",
    "start_segmenter",
]
