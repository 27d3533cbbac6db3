"""A classifier must answer with numbers, and for each image by itself."""

from collections.abc import Iterable

import torch

from miad.errors import InputError
from miad.targets.scoring import score_images
from miad.targets.target import Target
from miad.tensors import Images, Probabilities

_MOST = 1e-3
"""Difference of probabilities that batches of another size may make by rounding."""


def check_numbers(target: Target, probabilities: Probabilities) -> None:
    """A classifier's answers are numbers.

    Args:
        target: the classifier.
        probabilities: what it answered.

    Raises:
        InputError: some are not.
    """
    if not bool(probabilities.isfinite().all()):
        raise InputError(
            f"{target.name}: expected probabilities, found values that are no numbers; train it again, or try "
            "--run.precision 32-true"
        )


def check_independence(targets: Iterable[Target], images: Images) -> None:
    """An image alone gets the answer that it gets beside others.

    Args:
        targets: the classifiers.
        images: uint8 ``(n, 3, h, w)``; two or more that differ.

    Raises:
        InputError: a classifier mixes the images of a batch, for example by batch statistics, or answers no numbers.
    """
    for target in targets:
        together = score_images(target, images)
        alone = score_images(target, images, batch_size=1)
        check_numbers(target, torch.cat([together, alone]))
        difference = float((together - alone).abs().max()) if len(images) else 0.0
        if difference > _MOST:
            raise InputError(
                f"{target.name}: expected the same answer for an image alone and beside others, found probabilities "
                f"up to {difference:.3f} apart; its marks would depend on the batch; train it without such layers"
            )
