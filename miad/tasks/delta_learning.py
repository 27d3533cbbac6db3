"""Before an attack with a universal delta begins: learn it, once, and keep it with the run."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from numpy.typing import NDArray

from miad.data import ImageDataset, RandomMarker
from miad.errors import InputError
from miad.imaging import read_image, write_png
from miad.keys import delta_of, picture_of
from miad.search import image_generator
from miad.tasks.attack import AttackTask
from miad.tasks.learning import images_alike
from miad.tasks.protection import delta_generator
from miad.tasks.shares import wait_for_all
from miad.vaccine import Vaccine
from miad.watermark import Rendering


class DeltaLearner(Callback):
    """Gives an attack its universal delta; the first process learns it, or takes it from the run it takes up.

    Args:
        path: PNG file for the delta, its levels above 128.
        dataset: images to learn from.
    """

    def __init__(self, path: Path, dataset: ImageDataset) -> None:
        self.path = path
        self.dataset = dataset

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Learn, write, read."""
        assert isinstance(pl_module, AttackTask)
        protection = pl_module.protection
        if protection is None or not protection.vaccine.needs_universal:
            return
        if trainer.is_global_zero and not self.path.exists():
            device, marker, size = pl_module.device, protection.marker, protection.batch_size
            delta = learn_delta(protection.vaccine, self.dataset, pl_module.seed, device, size, marker)
            write_delta(self.path, delta)
        wait_for_all(trainer)
        protection.vaccine.universal = torch.from_numpy(read_delta(self.path))


def learn_delta(
    vaccine: Vaccine,
    dataset: ImageDataset,
    seed: int,
    device: torch.device,
    batch_size: int = 8,
    marker: RandomMarker | None = None,
) -> NDArray[np.int8]:
    """Learn a universal delta on random images of a data set, those of one size and kind.

    Args:
        vaccine: how delta is made.
        dataset: images to learn from.
        seed: of the run.
        device: where the vaccine's removers are.
        batch_size: images that are differentiated at a time.
        marker: puts marks on hosts, where the vaccine asks for marked ones.

    Returns:
        ``(1 or 3, h, w)``.
    """
    items = list(images_alike(dataset, vaccine.options.examples, image_generator(seed, "\ndelta")))
    images, grey = torch.stack([item.image for item in items]).to(device), items[0].grey
    generators = [delta_generator(seed, item.id) for item in items]
    marker = marker and replace(marker, grey=grey)
    delta: NDArray[np.int8] = vaccine.learn(images, generators, batch_size, grey=grey, marker=marker).numpy()
    return delta


def write_delta(path: Path, delta: NDArray[np.int8]) -> None:
    """Write a universal delta as a picture, its levels above 128.

    Raises:
        RunError: the folder can not be written.
    """
    rgb = picture_of(delta).rgb
    write_png(path, np.ascontiguousarray(rgb[..., 0]) if len(delta) == 1 else rgb)


def read_delta(path: Path) -> NDArray[np.int8]:
    """Inverse of `write_delta`.

    Raises:
        InputError: the file is no such picture.
    """
    pixels = read_image(path)
    if pixels.dtype != np.uint8 or (pixels == 0).any():
        raise InputError(f"{path}: expected a learned delta, found another picture; delete it to learn again")
    levels = pixels if pixels.ndim == 3 else np.repeat(pixels[..., None], 3, 2)
    delta = delta_of(Rendering(levels, levels[..., 0]))
    return np.ascontiguousarray(delta[:1] if pixels.ndim == 2 else delta)
