"""Where lesion masks come from: given ones, Grad-CAM, a segmenter.

Every source answers with shades 0..255 and has a threshold; where no place is left for the logo, the thresholds of the
estimating sources can rise, while what is given stays.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from miad.errors import InputError
from miad.lesions.gradcam import GradCam
from miad.lesions.segment import segment
from miad.models import Classifier, Segmenter
from miad.tensors import Images, Labels

_SURE = 255

_VALUES = 2**25
"""Probabilities that are held at once."""


class Shades(NamedTuple):
    """What one source says of some images."""

    levels: Tensor
    """uint8 ``(n, h, w)``, on the images' device."""
    trusted: Tensor
    """bool ``(n,)``: false where the source itself misreads the image (MIAD-MARK's Algorithm 2 makes no mask then)."""


class MaskSource(nn.Module, ABC):
    """Shades of every pixel, of which those at or above the threshold are lesion.

    Args:
        threshold: 1..255.

    Raises:
        InputError: the threshold is out of its range.
    """

    def __init__(self, threshold: int) -> None:
        super().__init__()
        if not 1 <= threshold <= _SURE:
            raise InputError(f"expected a threshold between 1 and {_SURE}, found {threshold}")
        self.threshold = threshold

    @abstractmethod
    def forward(self, images: Images, labels: Labels, given: Sequence[Tensor | None]) -> Shades:
        """Shades of every image.

        Args:
            images: uint8 ``(n, 3, h, w)``.
            labels: int64 ``(n,)``.
            given: each image's own mask, bool ``(h, w)``, where it has one.
        """


class GivenMasks(MaskSource):
    """The masks that the data set has; an image without one has no lesion."""

    def __init__(self) -> None:
        super().__init__(_SURE)

    def forward(self, images: Images, labels: Labels, given: Sequence[Tensor | None]) -> Shades:
        """255 on the lesion."""
        levels = torch.zeros(len(images), *images.shape[-2:], dtype=torch.uint8, device=images.device)
        for index, mask in enumerate(given):
            if mask is not None:
                levels[index] = _SURE * mask.to(images.device, torch.uint8)
        return Shades(levels, _everywhere(images))


class GradCamMasks(MaskSource):
    """What a convolutional classifier looks at when it reads the true label.

    Args:
        network: the classifier; it need not be one under attack.
        threshold: t of Algorithm 2.
        layer: see `GradCam`.
        rate: see `GradCam`.

    Raises:
        InputError: see `GradCam`.
    """

    def __init__(self, network: Classifier, threshold: int = 190, layer: str | None = None, rate: float = 1.0) -> None:
        super().__init__(threshold)
        self.network = network.requires_grad_(requires_grad=False)
        self.heatmap = GradCam(network, layer, rate)

    def forward(self, images: Images, labels: Labels, given: Sequence[Tensor | None]) -> Shades:
        """The heatmap."""
        heat, correct = self.heatmap(images, labels)
        return Shades((_SURE * heat).round().to(torch.uint8), correct)


class SegmenterMasks(MaskSource):
    """What a segmenter takes for a lesion of any kind.

    Args:
        segmenter: trained by 'miad fit segmenter'.
        threshold: 128 is a probability of one half.
    """

    def __init__(self, segmenter: Segmenter, threshold: int = 128) -> None:
        super().__init__(threshold)
        self.segmenter = segmenter.requires_grad_(requires_grad=False)

    def forward(self, images: Images, labels: Labels, given: Sequence[Tensor | None]) -> Shades:
        """The largest probability of any kind."""
        # A few photographs of many megapixels fill the memory with floats.
        count = max(1, _VALUES // (len(self.segmenter.kinds) * images[0, 0].numel()))
        levels = [self._levels(part, len(images)) for part in torch.split(images, count)]
        return Shades(torch.cat(levels), _everywhere(images))

    def _levels(self, images: Images, batch_size: int) -> Tensor:
        probabilities = segment(self.segmenter, images, batch_size).amax(1)
        return (_SURE * probabilities).round().to(torch.uint8)


@dataclass(frozen=True)
class Estimate:
    """What all sources say of some images.

    Args:
        shades: one entry a source.
        thresholds: one a source.
    """

    shades: tuple[Shades, ...]
    thresholds: tuple[int, ...]

    @property
    def can_rise(self) -> bool:
        """Whether any threshold can rise: those of given masks can not."""
        return any(threshold < _SURE for threshold in self.thresholds)

    @property
    def trusted(self) -> Tensor:
        """Whether no source misreads the image itself, bool ``(n,)``."""
        return torch.stack([shades.trusted for shades in self.shades]).all(0)

    @property
    def strongest(self) -> Tensor:
        """The largest of the sources' shades, uint8 ``(n, h, w)``."""
        return torch.stack([shades.levels for shades in self.shades]).amax(0)

    def masks(self, raised: int = 0) -> Tensor:
        """The union of the sources' masks, bool ``(n, h, w)``.

        Args:
            raised: by how much every threshold is raised, at most to 255, which masks that are given have.
        """
        parts = [
            shades.levels >= min(threshold + raised, _SURE)
            for shades, threshold in zip(self.shades, self.thresholds, strict=True)
        ]
        return torch.stack(parts).any(0)

    def __getitem__(self, index: Tensor) -> "Estimate":
        chosen = (Shades(shades.levels[index], shades.trusted[index]) for shades in self.shades)
        return Estimate(tuple(chosen), self.thresholds)


class LesionFinder(nn.Module):
    """Several sources as one; a pixel is lesion where any of them says so.

    Args:
        sources: at least one.
        batch_size: images a forward pass.
    """

    def __init__(self, sources: Sequence[MaskSource], batch_size: int = 32) -> None:
        super().__init__()
        self.sources = nn.ModuleList(sources)
        self.batch_size = batch_size
        self._thresholds = tuple(source.threshold for source in sources)

    def forward(self, images: Images, labels: Labels, given: Sequence[Tensor | None]) -> Estimate:
        """What the sources say in float32, whatever the precision of the search; arguments as of `MaskSource`.

        Raises:
            InputError: a network answers with numbers that are not finite.
        """
        with torch.autocast(images.device.type, enabled=False):
            shades = tuple(self._look(source, images, labels, given) for source in self.sources)
        return Estimate(shades, self._thresholds)

    def _look(self, source: nn.Module, images: Images, labels: Labels, given: Sequence[Tensor | None]) -> Shades:
        starts = range(0, len(images), self.batch_size)
        parts = [slice(start, start + self.batch_size) for start in starts]
        levels, trusted = zip(*(source(images[part], labels[part], given[part]) for part in parts), strict=True)
        return Shades(torch.cat(levels), torch.cat(trusted))


def _everywhere(images: Images) -> Tensor:
    return torch.ones(len(images), dtype=torch.bool, device=images.device)
