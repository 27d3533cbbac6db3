"""Score many images as any user of a classifier would."""

from collections.abc import Iterable
from itertools import groupby, islice

import torch

from miad.targets.target import Target
from miad.tensors import Images, Probabilities


def score_images(target: Target, images: Iterable[Images], batch_size: int = 64) -> Probabilities:
    """A target's probabilities, float32 ``(n, c)`` on the CPU, on the device that the target is on.

    Args:
        target: the classifier.
        images: uint8 ``(3, h, w)`` each, read as they are needed; neighbours of one size share a batch.
        batch_size: images a forward pass.
    """
    device = next(target.parameters()).device
    parts = []
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        for _, group in groupby(images, key=lambda image: image.shape):
            while batch := list(islice(group, batch_size)):
                parts.append(target(torch.stack(batch).to(device)).cpu())
    return torch.cat(parts) if parts else torch.zeros(0, len(target.classes))
