"""A classifier must answer with numbers, and for each image by itself."""

from collections.abc import Iterable, Sequence

import torch

from miad.errors import InputError
from miad.targets.scoring import score_images
from miad.targets.target import Target
from miad.tensors import Images, Probabilities

_MOST = 1e-3
"""Difference of probabilities that batches of another size may make by rounding."""


def check_numbers(targets: Sequence[Target], probabilities: Probabilities) -> None:
    """Classifiers' answers are numbers.

    Args:
        targets: the classifiers.
        probabilities: what they answered, ``(n, k, c)``.

    Raises:
        InputError: some are not.
    """
    broken = (~probabilities.isfinite()).any(2).any(0).tolist()
    if any(broken):
        name = targets[broken.index(True)].name
        raise InputError(
            f"{name}: expected probabilities, found values that are no numbers; train it again, or try "
            "precision 32-true"
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
        check_numbers([target], torch.cat([together, alone])[:, None])
        difference = float((together - alone).abs().max()) if len(images) else 0.0
        if difference > _MOST:
            raise InputError(
                f"{target.name}: expected the same answer for an image alone and beside others, found probabilities "
                f"up to {difference:.3f} apart; its marks would depend on the batch; train it without such layers"
            )
