"""From a lesion mask to the corners a logo may take.

MIAD-MARK's Algorithm 3 keeps only the top-left corner of the logo off the lesion, so that the logo may still cover it;
MedLocker's step 5 grows the lesion by the logo's size. Here a corner is allowed only if no pixel of the logo's
rectangle meets a pixel of the lesion.
"""

import torch
from torch import Tensor


def allowed_corners(mask: Tensor, logo: tuple[int, int]) -> Tensor:
    """The top-left corners from which a logo stays inside the image and off the lesion.

    Args:
        mask: bool ``(h, w)``, true on the lesion.
        logo: height and width of the logo, at most the image's.

    Returns:
        bool ``(h - h' + 1, w - w' + 1)``: entry (y, x) for a logo whose corner is at column x, row y.
    """
    height, width = logo
    summed = torch.zeros(mask.shape[0] + 1, mask.shape[1] + 1, dtype=torch.int64)
    summed[1:, 1:] = mask.long().cumsum(0).cumsum(1)
    covered = summed[height:, width:] - summed[:-height, width:] - summed[height:, :-width] + summed[:-height, :-width]
    return covered == 0
