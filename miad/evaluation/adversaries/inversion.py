"""Undoing a blend whose opacity and logo are known, up to its rounding."""

import numpy as np
import torch

from miad.evaluation.adversaries.base import VisibleMark
from miad.evaluation.adversaries.inpaint import inpaint
from miad.tensors import Pixels
from miad.watermark import Rendering, alpha_map

_LOST = 248
"""Of 255: where the logo is as strong as this, rounding hides more of the image than inpainting misses."""


def invert(marked: Pixels, alpha: int, drawn: Rendering, mark: VisibleMark) -> Pixels:
    """The image under the mark.

    Args:
        marked: uint8 ``(h, w)`` or ``(h, w, 3)``.
        alpha: opacity, 1..255.
        drawn: the logo as it was blended, of the box's size.
        mark: what is visible of the mark.

    Returns:
        The marked image with other levels where the logo is, rounded and clipped; painted in from the surroundings
        where the logo leaves nothing to invert.
    """
    seen = marked[mark.window].reshape(*mark.size, -1)
    alphas = alpha_map(torch.from_numpy(drawn.coverage), torch.tensor(alpha)).numpy()[..., None]
    hidden = (255.0 * seen - alphas * drawn.rgb[..., : seen.shape[2]]) / np.maximum(255 - alphas, 1)
    cleaned = marked.copy()
    cleaned[mark.window] = np.rint(hidden).clip(0, 255).reshape(marked[mark.window].shape)
    lost = np.zeros_like(mark.mask)
    lost[mark.window] = alphas[..., 0] >= _LOST
    return inpaint(cleaned, lost) if lost.any() else cleaned
