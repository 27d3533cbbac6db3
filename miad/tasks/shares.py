"""How the processes of an attack share out its images, and wait for each other."""

import torch
from lightning import LightningDataModule, Trainer
from torch.utils.data import DataLoader

from miad.data import ImageDataModule, ImageDataset, Item
from miad.errors import RunError
from miad.tasks.journal import Journal


class ImagesToDo(LightningDataModule):
    """The images of an attack that are not done yet.

    Args:
        data: whose loaders to use.
        dataset: all of the attack's images, one a process or more.
        journal: which of them are done.
        batch_size: images a batch.
    """

    def __init__(self, data: ImageDataModule, dataset: ImageDataset, journal: Journal, batch_size: int) -> None:
        super().__init__()
        self.data = data
        self.dataset = dataset
        self.journal = journal
        self.batch_size = batch_size

    def transfer_batch_to_device(self, batch: list[Item], device: torch.device, dataloader_idx: int) -> list[Item]:
        """Items stay on the CPU, where they are written and compared; the attack moves what it needs."""
        return batch

    def predict_dataloader(self) -> DataLoader[Item]:
        """Batches of them; where there are fewer than processes, some that are done are done again.

        The first process alone reads the journal: on a network's file system others may see an older state, and all
        must share out the same images.
        """
        assert self.trainer is not None
        strategy, processes = self.trainer.strategy, self.trainer.world_size
        done: list[str] = strategy.broadcast(sorted(self.journal.images()) if self.trainer.is_global_zero else [])
        missing = processes - (len(self.dataset) - len(done))
        return self.data.items_dataloader(self.dataset, self.batch_size, frozenset(done[max(0, missing) :]))


def wait_for_all(trainer: Trainer) -> None:
    """Go on when every process has come this far.

    Raises:
        RunError: another process has ended.
    """
    try:
        trainer.strategy.barrier()
    except RuntimeError as error:
        raise RunError(
            "another process of this run has ended, its own message says why; the same command goes on where it stopped"
        ) from error
