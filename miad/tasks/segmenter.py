"""Train and test a lesion segmenter."""

from pathlib import Path
from typing import Any

from lightning import LightningModule
from torch import Tensor

from miad.errors import check_at_least, check_positive
from miad.lesions import segment
from miad.measures import Overlap, SegmentationScores, overlap
from miad.models import MaskLossName, segmentation_loss, start_segmenter
from miad.tasks.schedule import adamw_with_cosine
from miad.tensors import Images


class SegmenterTask(LightningModule):
    """A UNet++ trained on crops and judged on whole images, with AdamW, linear warm-up and cosine decay.

    Args:
        kinds: kinds of lesions in the order of the logits.
        encoder: name of an encoder of segmentation-models-pytorch, for example ``resnet34`` or ``efficientnet-b3``, or
            ``tu-`` and the name of a timm model.
        size: longer side in pixels that images are resized to before they are segmented.
        tile: side in pixels of the squares that the network reads at once, a multiple of 32; null reads whole images.
        width: channels of the deepest decoder block; each of the four above it has half as many.
        pretrained: start the encoder from published weights (asks the model hub), unless weights are given.
        weights: start from a local file: a run of 'miad fit segmenter', a checkpoint, or published weights of the
            encoder.
        loss: ``dice_focal`` or ``dice_bce``: Dice over the batch, and focal loss or cross-entropy of every pixel.
        lr: highest learning rate.
        weight_decay: AdamW's decay.
        warmup: share of all steps over which the learning rate rises.
    """

    def __init__(
        self,
        kinds: list[str],
        encoder: str = "resnet18",
        size: int = 256,
        tile: int | None = None,
        width: int = 256,
        pretrained: bool = False,
        weights: Path | None = None,
        loss: MaskLossName = "dice_focal",
        lr: float = 1e-3,
        weight_decay: float = 0.05,
        warmup: float = 0.1,
    ) -> None:
        super().__init__()
        check_at_least(0, weight_decay=weight_decay, warmup=warmup)
        check_positive(lr=lr)
        self.save_hyperparameters(
            {
                "kinds": list(kinds),
                "encoder": encoder,
                "size": size,
                "tile": tile,
                "width": width,
                "loss": loss,
                "lr": lr,
                "weight_decay": weight_decay,
                "warmup": warmup,
            }
        )
        self.network = start_segmenter(encoder, kinds, size, tile, width=width, pretrained=pretrained, weights=weights)
        self.loss = segmentation_loss(loss)
        self.lr, self.weight_decay, self.warmup = lr, weight_decay, warmup
        self.val_scores = SegmentationScores(kinds)
        self.test_scores = SegmentationScores(kinds)
        self.test_overlaps: list[Overlap] = []

    def forward(self, images: Images) -> Tensor:
        """Logits ``(n, k, h, w)`` of uint8 images whose sides are multiples of 32."""
        logits: Tensor = self.network(images)
        return logits

    def training_step(self, batch: tuple[Images, Tensor], batch_index: int) -> Tensor:
        """Loss of one batch of crops."""
        images, masks = batch
        loss: Tensor = self.loss(self(images), masks)
        self.log("train/loss", loss, prog_bar=True, batch_size=len(images))
        return loss

    def validation_step(self, batch: tuple[Images, Tensor], batch_index: int) -> None:
        """Collect the scores of whole images."""
        images, masks = batch
        self.val_scores.update(segment(self.network, images), masks)

    def test_step(self, batch: tuple[Images, Tensor], batch_index: int) -> None:
        """Collect the scores of whole images, and what each shares with its masks."""
        images, masks = batch
        probabilities = segment(self.network, images)
        self.test_scores.update(probabilities, masks)
        self.test_overlaps += [overlap(*pair) for pair in zip(probabilities, masks, strict=True)]

    def on_validation_epoch_start(self) -> None:
        """Forget the scores of the last pass."""
        self.val_scores.reset()

    def on_test_epoch_start(self) -> None:
        """Forget the scores of the last pass."""
        self.test_scores.reset()
        self.test_overlaps.clear()

    def on_validation_epoch_end(self) -> None:
        """Log overlap, average precision and the share of lesions found."""
        self._log_scores("val", self.val_scores)

    def on_test_epoch_end(self) -> None:
        """Log overlap, average precision and the share of lesions found; ``test_overlaps`` keeps every image's."""
        self._log_scores("test", self.test_scores)

    def _log_scores(self, stage: str, scores: SegmentationScores) -> None:
        values = {f"{stage}/{name}": value.to(self.device) for name, value in scores.compute().items()}
        # Every process computes the same value from the summed counts; syncing again only says so.
        self.log_dict(values, prog_bar=len(scores.kinds) == 1, sync_dist=True)

    def configure_optimizers(self) -> Any:  # noqa: ANN401  (Lightning's union of a dozen forms)
        """AdamW; warm-up, then cosine, stepped every batch."""
        steps = int(self.trainer.estimated_stepping_batches)
        return adamw_with_cosine(
            self.parameters(), lr=self.lr, weight_decay=self.weight_decay, warmup=self.warmup, steps=steps
        )
