"""Images a second, in training and in tests."""

import time
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback


class Throughput(Callback):
    """Logs ``train/images_per_second`` of every pass over the training images, and ``test/images_per_second``.

    Seconds are counted from a pass's first batch to the end of its last one, loading included; so validation is not.
    The numbers go to the loggers alone: they are not results.
    """

    def __init__(self) -> None:
        self._images = 0
        self._began = self._ended = 0.0

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to count."""
        self._begin()

    def on_test_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Begin to count."""
        self._begin()

    def on_train_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ANN401  (Lightning's own types)
        batch: Any,  # noqa: ANN401
        batch_idx: int,
    ) -> None:
        """Count a batch."""
        self._count(batch)

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,  # noqa: ANN401
        batch: Any,  # noqa: ANN401
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        """Count a batch."""
        self._count(batch)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log."""
        self._log(trainer, "train")

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Log."""
        self._log(trainer, "test")

    def _begin(self) -> None:
        self._images = 0
        self._began = self._ended = time.perf_counter()

    def _count(self, batch: Any) -> None:  # noqa: ANN401
        self._images += len(batch[0])
        self._ended = time.perf_counter()

    def _log(self, trainer: Trainer, stage: str) -> None:
        if self._images:
            rate = trainer.world_size * self._images / (self._ended - self._began)
            for logger in trainer.loggers:
                logger.log_metrics({f"{stage}/images_per_second": rate}, step=trainer.global_step)
