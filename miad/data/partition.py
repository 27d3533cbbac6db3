"""Split images 3:1 so that classes keep their shares and no patient is on both sides."""

import warnings
from collections import Counter
from collections.abc import Sequence

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from miad.errors import InputError

_PARTS = 4
"""MIAD-MARK trains on three parts of four and validates on the fourth."""


def partition(labels: Sequence[int], patients: Sequence[str], seed: int) -> list[bool]:
    """Which images are held out for validation: about one in four, stratified by label, grouped by patient.

    Args:
        labels: class of each image.
        patients: patient of each image; an empty string is a patient of his own.
        seed: the same seed gives the same split.

    Raises:
        InputError: fewer than four patients, or fewer than four images in every class.
    """
    groups = [f"patient {patient}" if patient else f"image {index}" for index, patient in enumerate(patients)]
    counts = {"patients": len(set(groups)), "images of some class": max(Counter(labels).values(), default=0)}
    for what, found in counts.items():
        if found < _PARTS:
            raise InputError(f"expected at least {_PARTS} {what} to split 3:1, found {found}; add images")
    folds = StratifiedGroupKFold(_PARTS, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A class of fewer than four images can not be on every side; that is no news to who made the table.
        warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
        _, held_out = next(folds.split(np.zeros(len(labels)), labels, groups))
    chosen = set(held_out.tolist())
    return [index in chosen for index in range(len(labels))]
