"""The progress bar of a training, which says no more than fits beside it."""

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import RichProgressBar


class TrainingBar(RichProgressBar):
    """Lightning's bar with the loss and one score; all scores would fill a narrow terminal, and the tables have them.

    Args:
        score: the one that the best weights have the highest of.
    """

    def __init__(self, score: str) -> None:
        super().__init__()
        self._shown = ("train/loss", score)

    def get_metrics(
        self, trainer: Trainer, pl_module: LightningModule
    ) -> dict[str, int | str | float | dict[str, float]]:
        """What stands beside the bar, as far as it is known."""
        known = super().get_metrics(trainer, pl_module)
        return {name: known[name] for name in self._shown if name in known}
