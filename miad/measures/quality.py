"""How far one image is from another: SSIM, PSNR and RMSE of stored pixels, one pair at a time.

Values are never pooled over images: a single identical pair would hide what the others lost.
"""

from math import inf, log10, sqrt

import numpy as np
from skimage.metrics import structural_similarity

from miad.tensors import Pixels


def ssim(image: Pixels, reference: Pixels) -> float:
    """Structural similarity as Wang et al. 2004 define it: Gaussian window, sigma 1.5, range 255, no padded border.

    Args:
        image: uint8 ``(h, w)`` or ``(h, w, 3)`` with h, w >= 11.
        reference: the same shape.

    Returns:
        At most 1; colour is the mean over the channels.
    """
    value: float = structural_similarity(
        image,
        reference,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=2 if image.ndim == 3 else None,
    )
    return float(value)


def rmse(image: Pixels, reference: Pixels) -> float:
    """Root mean square error in grey levels, 0..255."""
    return sqrt(np.square(image.astype(np.float64) - reference).mean())


def psnr(image: Pixels, reference: Pixels) -> float:
    """Peak signal-to-noise ratio in dB for a peak of 255; infinite where the images are equal."""
    error = rmse(image, reference)
    return 20 * log10(255 / error) if error else inf
