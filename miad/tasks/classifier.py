"""Train and test a diagnostic classifier."""

from pathlib import Path
from typing import Any

from lightning import LightningModule
from torch import Tensor

from miad.errors import check_at_least, check_positive
from miad.measures import ClassificationScores
from miad.models import LossName, classification_loss, start_classifier
from miad.tasks.schedule import adamw_with_cosine
from miad.tensors import Images, Labels


class ClassifierTask(LightningModule):
    """A timm classifier trained with AdamW, linear warm-up and cosine decay.

    Args:
        classes: class names in the order of the logits.
        backbone: name of a timm model, for example ``resnet50`` or ``vit_base_patch16_224``.
        size: side in pixels of the square that the backbone reads.
        pretrained: start from timm's published weights (asks the model hub), unless weights are given.
        weights: start from a local file: a run of 'miad fit classifier', a checkpoint, or timm's published weights.
        loss: ``cross_entropy``, or ``focal`` for unbalanced classes.
        gamma: focusing of the focal loss.
        lr: highest learning rate.
        weight_decay: AdamW's decay.
        warmup: share of all steps over which the learning rate rises.
    """

    def __init__(
        self,
        classes: list[str],
        backbone: str = "resnet18",
        size: int = 224,
        pretrained: bool = False,
        weights: Path | None = None,
        loss: LossName = "cross_entropy",
        gamma: float = 2.0,
        lr: float = 1e-3,
        weight_decay: float = 0.05,
        warmup: float = 0.1,
    ) -> None:
        super().__init__()
        check_at_least(1, size=size)
        check_at_least(0, gamma=gamma, weight_decay=weight_decay, warmup=warmup)
        check_positive(lr=lr)
        self.save_hyperparameters(
            {
                "classes": list(classes),
                "backbone": backbone,
                "size": size,
                "loss": loss,
                "gamma": gamma,
                "lr": lr,
                "weight_decay": weight_decay,
                "warmup": warmup,
            }
        )
        self.network = start_classifier(backbone, classes, size, pretrained=pretrained, weights=weights)
        self.loss = classification_loss(loss, gamma)
        self.lr, self.weight_decay, self.warmup = lr, weight_decay, warmup
        self.val_scores = ClassificationScores()
        self.test_scores = ClassificationScores()

    def forward(self, images: Images) -> Tensor:
        """Logits ``(n, c)`` of uint8 images."""
        logits: Tensor = self.network(images)
        return logits

    def training_step(self, batch: tuple[Images, Labels], batch_index: int) -> Tensor:
        """Loss of one batch."""
        images, labels = batch
        loss: Tensor = self.loss(self(images), labels)
        self.log("train/loss", loss, prog_bar=True, batch_size=len(labels))
        return loss

    def validation_step(self, batch: tuple[Images, Labels], batch_index: int) -> None:
        """Collect the scores of one batch."""
        self._score(batch, "val", self.val_scores)

    def test_step(self, batch: tuple[Images, Labels], batch_index: int) -> None:
        """Collect the scores of one batch."""
        self._score(batch, "test", self.test_scores)

    def on_validation_epoch_start(self) -> None:
        """Forget the scores of the last pass."""
        self.val_scores.reset()

    def on_test_epoch_start(self) -> None:
        """Forget the scores of the last pass."""
        self.test_scores.reset()

    def on_validation_epoch_end(self) -> None:
        """Log accuracy, AUC and calibration."""
        self._log_scores("val", self.val_scores)

    def on_test_epoch_end(self) -> None:
        """Log accuracy, AUC and calibration; ``test_scores`` keeps the predictions."""
        self._log_scores("test", self.test_scores)

    def _score(self, batch: tuple[Images, Labels], stage: str, scores: ClassificationScores) -> None:
        images, labels = batch
        logits = self(images)
        self.log(f"{stage}/loss", self.loss(logits, labels), batch_size=len(labels))
        scores.update(logits.float().softmax(1), labels)

    def _log_scores(self, stage: str, scores: ClassificationScores) -> None:
        values = {f"{stage}/{name}": value.to(self.device) for name, value in scores.compute().items()}
        # Every process computes the same value from the gathered predictions; syncing again only says so.
        self.log_dict(values, prog_bar=True, sync_dist=True)

    def configure_optimizers(self) -> Any:  # noqa: ANN401  (Lightning's union of a dozen forms)
        """AdamW; warm-up, then cosine, stepped every batch."""
        steps = int(self.trainer.estimated_stepping_batches)
        return adamw_with_cosine(
            self.parameters(), lr=self.lr, weight_decay=self.weight_decay, warmup=self.warmup, steps=steps
        )
