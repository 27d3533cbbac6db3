"""How far one image is from another: SSIM, PSNR and RMSE, one value an image.

Values are never pooled over a batch: a single identical pair would hide what the others lost.
"""

import torch
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

from miad.tensors import Images

_SIGMA = 1.5
_BORDER = 5
"""Half of the 11-pixel Gaussian window (truncated at 3.5 sigma), where SSIM would see padding."""


def ssim(images: Images, references: Images) -> Tensor:
    """Structural similarity of Wang et al. 2004: Gaussian window, sigma 1.5, range 255, without the padded border.

    Equals ``skimage.metrics.structural_similarity(gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False, data_range=255)`` to 1e-6.

    Args:
        images: uint8 ``(n, c, h, w)`` with h, w >= 11.
        references: the same shape.

    Returns:
        float64 ``(n,)``, at most 1.
    """
    _, maps = structural_similarity_index_measure(
        images.double(),
        references.double(),
        sigma=_SIGMA,
        data_range=255.0,
        return_full_image=True,
        reduction="none",
    )
    inner: Tensor = maps[..., _BORDER:-_BORDER, _BORDER:-_BORDER]
    return inner.mean(dim=(1, 2, 3))


def rmse(images: Images, references: Images) -> Tensor:
    """Root mean square error in grey levels: float64 ``(n,)``, 0..255."""
    return (images.double() - references.double()).square().mean(dim=(1, 2, 3)).sqrt()


def psnr(images: Images, references: Images) -> Tensor:
    """Peak signal-to-noise ratio in dB for a peak of 255: float64 ``(n,)``, infinite where images are equal."""
    return 20 * torch.log10(255.0 / rmse(images, references))
