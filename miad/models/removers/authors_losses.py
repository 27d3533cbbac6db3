"""The losses that the removers' authors train them with: their terms and their weights.

Three repairs: the true opacity of every pixel instead of a hard one, no division by zero where a mask is empty, and a
discriminator that learns from detached images. Terms of VGG's features are there only if asked for, since they need
published weights.
"""

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss
from torchmetrics.functional.image import structural_similarity_index_measure

from miad.models.removers.base import Removal
from miad.models.removers.discriminator import Discriminator
from miad.models.removers.features import Features
from miad.models.removers.losses import RemoverLoss, Truth, completed, mask_error, mean_error, relative_error

_BACKGROUND = 3
"""WDNet's mask loss looks at so many random pixels outside of the mask for each one inside."""
_PERIOD = 3
"""WDNet's discriminator learns every so many batches."""


class WDNetLoss(RemoverLoss):
    """Mask, mark, opacity, image and coarse image, each where it matters (Liu et al., WACV 2021).

    Args:
        base_channels: width of the discriminator.
        perceptual: compare VGG's features (asks the model hub).
    """

    def __init__(self, base_channels: int, *, perceptual: bool = False) -> None:
        super().__init__()
        self.discriminator = Discriminator(base_channels)
        self.features = Features(pooled=False, normalised=False) if perceptual else None
        self._batches = 0

    def forward(self, found: Removal, truth: Truth) -> dict[str, Tensor]:
        """The network's terms, and the discriminator's own."""
        inside = truth.mask
        image = 0.7 * mean_error(found.image, truth.image, inside)
        image = image + 0.3 * mean_error(found.aux["coarse"], truth.image, inside)
        terms = {
            "image": 50 * image,
            "mask": 10 * mean_error(found.mask, inside, inside + (1 - inside) * _some(inside)),
            "mark": 10 * mean_error(found.aux["mark"], truth.mark, inside),
            "alpha": 10 * mean_error(found.aux["alpha"], truth.alpha, inside),
        }
        if self.features is not None:
            pairs = zip(self.features(found.image.float()), self.features(truth.image), strict=True)
            terms["features"] = 0.01 * torch.stack([mse_loss(*pair) for pair in pairs]).sum()
        return terms | self._adversaries(found.image.float(), truth)

    def _adversaries(self, image: Tensor, truth: Truth) -> dict[str, Tensor]:
        """One term teaches the network alone, the other the discriminator alone; so one optimiser serves both."""
        frozen = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
        judged = functional_call(self.discriminator, frozen, (truth.marked, image))
        terms = {"adversary": _cross_entropy(judged, 1.0)}
        if self._batches % _PERIOD == 0:
            real, fake = (self.discriminator(truth.marked, part) for part in (truth.image, image.detach()))
            terms["discriminator"] = 0.5 * (_cross_entropy(real, 1.0) + _cross_entropy(fake, 0.0))
        self._batches += 1
        return terms


class BVMRLoss(RemoverLoss):
    """Image, mark and mask (Hertz et al., CVPR 2019).

    Args:
        base_channels: not needed.
        perceptual: not needed, there are no such terms.
    """

    def __init__(self, base_channels: int, *, perceptual: bool = False) -> None:
        super().__init__()

    def forward(self, found: Removal, truth: Truth) -> dict[str, Tensor]:
        """Image and mark inside of the mask, and the mask."""
        inside = truth.mask
        return {
            "image": 2 * relative_error(found.aux["refined"], truth.image, inside),
            "mark": relative_error(found.aux["mark"], truth.mark, inside),
            "mask": mask_error(found.mask, inside),
        }


class SplitNetLoss(RemoverLoss):
    """Both stages' images inside of the mask and as a whole, mark, mask, structure (Cun and Pun, AAAI 2021).

    Args:
        base_channels: not needed.
        perceptual: compare VGG's features (asks the model hub).
    """

    def __init__(self, base_channels: int, *, perceptual: bool = False) -> None:
        super().__init__()
        self.features = Features() if perceptual else None

    def forward(self, found: Removal, truth: Truth) -> dict[str, Tensor]:
        """The sums over both images, mark and mask."""
        inside, mask = truth.mask, found.mask.float()
        images = [found.aux[name].float() for name in ("refined", "raw")]
        whole = [completed(image, truth) for image in images]
        pixels = [_masked(image, truth.image, mask, inside) for image in images]
        pixels += [(image - truth.image).abs().mean() for image in whole]
        terms = {
            "image": 2 * torch.stack(pixels).sum(),
            "mark": _masked(found.aux["mark"], truth.mark, mask, inside),
            "mask": mask_error(mask, inside),
            "structure": 0.15 * torch.stack([1 - _ssim(image, truth.image) for image in whole]).sum(),
        }
        if self.features is not None:
            wanted = self.features(truth.image)
            errors = [
                (own - their).abs().mean()
                for image in whole
                for own, their in zip(self.features(image), wanted, strict=True)
            ]
            terms["features"] = 0.025 * torch.stack(errors).sum()
        return terms


class SLBRLoss(RemoverLoss):
    """Both images inside of the mask and as a whole, and the masks of three levels (Liang et al., ACM MM 2021).

    Args:
        base_channels: not needed.
        perceptual: compare VGG's features and their correlations (asks the model hub).
    """

    def __init__(self, base_channels: int, *, perceptual: bool = False) -> None:
        super().__init__()
        self.features = Features() if perceptual else None

    def forward(self, found: Removal, truth: Truth) -> dict[str, Tensor]:
        """The sums over both images, and over the levels of the masks, the smaller ones at half the weight."""
        inside = truth.mask
        images = [found.aux[name].float() for name in ("coarse", "refined")]
        whole = [completed(image, truth) for image in images]
        pixels = [relative_error(image, truth.image, inside) for image in images]
        pixels += [1.5 * (image - truth.image).abs().mean() for image in whole]
        masks = [0.5**level * _level_error(found, level, inside) for level in range(3)]
        terms = {
            "image": 2 * torch.stack(pixels).sum(),
            "mask": mask_error(found.mask, inside) + torch.stack(masks).sum(),
        }
        if self.features is not None:
            wanted = self.features(truth.image)
            pairs = [pair for image in whole for pair in zip(self.features(image), wanted, strict=True)]
            terms["features"] = 0.25 * torch.stack([mse_loss(*pair) for pair in pairs]).sum()
            styles = [mse_loss(_correlations(own), _correlations(their)) for own, their in pairs]
            terms["style"] = 0.25 * torch.stack(styles).sum()
        return terms


def _level_error(found: Removal, level: int, inside: Tensor) -> Tensor:
    """Of the calibrated mask of one level, by pixels and by overlap, and a little of the primary one."""
    calibrated, primary = (found.aux[f"{name}_{level}"].float() for name in ("calibrated", "primary"))
    both, either = (part.flatten(1).sum(1) for part in (calibrated * inside, calibrated + inside - calibrated * inside))
    missed = (1 - both / either.clamp(min=1)).mean()
    return mask_error(calibrated, inside) + 0.25 * missed + 0.01 * mask_error(primary, inside)


def _correlations(features: Tensor) -> Tensor:
    """Gram matrices ``(n, c, c)`` of maps ``(n, c, h, w)``, by their size."""
    flat = features.flatten(2)
    return flat @ flat.mT / flat[0].numel()


def _some(inside: Tensor) -> Tensor:
    """1 on random pixels outside of the mask, about three for each one inside."""
    share = _BACKGROUND * inside.sum() / (1 - inside).sum().clamp(min=1)
    return (torch.rand_like(inside) < share).float()


def _cross_entropy(logits: Tensor, real: float) -> Tensor:
    return binary_cross_entropy_with_logits(logits, torch.full_like(logits, real))


def _masked(found: Tensor, truth: Tensor, mask: Tensor, inside: Tensor) -> Tensor:
    """Inside of the true mask, and under the mask that was found against under the true one."""
    return relative_error(found, truth, inside) + (found.float() * mask - truth * inside).abs().mean()


def _ssim(found: Tensor, truth: Tensor) -> Tensor:
    similar = structural_similarity_index_measure(found, truth, data_range=1.0)
    assert isinstance(similar, Tensor)
    return similar
