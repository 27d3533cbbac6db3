"""Networks as plain ``nn.Module``; nothing here knows Lightning or the folder of a run."""

from miad.models.checkpoint import find_checkpoint, load_classifier, start_classifier
from miad.models.classifier import Classifier
from miad.models.losses import LossName, classification_loss

__all__ = ["Classifier", "LossName", "classification_loss", "find_checkpoint", "load_classifier", "start_classifier"]
