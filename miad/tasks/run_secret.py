"""The secret that a run's textures are drawn from, with every process of it."""

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from miad.tasks.attack import AttackTask


class RunSecret(Callback):
    """Gives an attack the first process's secret before anything is marked or learned.

    Args:
        secret: empty on other processes, and where there is no texture.
    """

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Agree on it."""
        assert isinstance(pl_module, AttackTask)
        pl_module.run_secret = trainer.strategy.broadcast(self._secret)
