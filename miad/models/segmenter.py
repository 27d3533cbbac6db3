"""A lesion segmenter: UNet++ (Zhou et al. 2018) on any encoder, with the preprocessing it was made for inside.

uint8 pixels go in and a logit for every pixel and kind of lesion comes out. The kinds are asked about one by one, since
they may overlap.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from math import log
from typing import Any

import segmentation_models_pytorch as smp
import timm
import torch
from timm.data.constants import (
    IMAGENET_DEFAULT_MEAN,
    IMAGENET_DEFAULT_STD,
    IMAGENET_DPN_MEAN,
    IMAGENET_DPN_STD,
    IMAGENET_INCEPTION_MEAN,
    IMAGENET_INCEPTION_STD,
)
from torch import Tensor, nn

from miad.errors import InputError, check_at_least
from miad.models.classifier import first_line, is_timm_model, size_arguments
from miad.tensors import Images

STRIDE = 32
"""The encoder halves the image five times, so both sides must be multiples of this."""

_RARE = 0.02
"""The probability that an untrained network gives a pixel; lesions are rare, and half of everything would take epochs
to unlearn (Lin et al. 2017, 3.3)."""

_TIMM = "tu-"
"""How segmentation-models-pytorch marks an encoder that timm builds."""
_NO_UNETPLUSPLUS = "mit_b"
_INCEPTION = (IMAGENET_INCEPTION_MEAN, IMAGENET_INCEPTION_STD)
_NORMALISATION = {"inception": _INCEPTION, "xception": _INCEPTION, "dpn": (IMAGENET_DPN_MEAN, IMAGENET_DPN_STD)}
"""Encoders of segmentation-models-pytorch that were not trained with ImageNet's mean and deviation, by their start; the
library itself would ask its hub."""


class Segmenter(nn.Module):
    """UNet++ that reads uint8 images.

    Args:
        encoder: name of an encoder of segmentation-models-pytorch, or ``tu-`` and the name of a timm model.
        kinds: kinds of lesions, in the order of the logits.
        size: longer side in pixels that images are resized to before they are segmented, so that the network always
            sees the scale that it was trained at.
        tile: side in pixels of the squares that the network reads at once, a multiple of 32; by default a whole image.
        width: channels of the deepest decoder block; each of the four above it has half as many.
        pretrained: start the encoder from published weights (asks the model hub).
        published: start it from these published weights instead, a state dict by the encoder's names; a head is left
            out.

    Raises:
        InputError: there is no such encoder, UNet++ can not be built on it, its weights can not be had or do not fit,
            or a size is out of range.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        encoder: str,
        kinds: Sequence[str],
        size: int,
        tile: int | None = None,
        *,
        width: int = 256,
        pretrained: bool = False,
        published: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        _check_sizes(size, tile, width)
        self.name = encoder
        self.kinds = tuple(kinds)
        self.size = size
        self.tile = -(-size // STRIDE) * STRIDE if tile is None else tile
        self.width = width
        network = _network(encoder, len(self.kinds), self.tile, width, pretrained=pretrained and published is None)
        if published is not None:
            _load_encoder(network.encoder, encoder, published)
        nn.init.constant_(network.segmentation_head[0].bias, log(_RARE / (1 - _RARE)))
        # Channels last is the faster layout on CPUs and GPUs alike.
        self.unet = network.to(memory_format=torch.channels_last)
        mean, std = _normalisation(encoder)
        self.register_buffer("mean", 255 * torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Images) -> Tensor:
        """Logits ``(n, k, h, w)`` of uint8 images ``(n, 3, h, w)`` as they are; `miad.lesions.segment` fits any size.

        Raises:
            InputError: a side of the images is not a multiple of 32.
        """
        height, width = images.shape[-2:]
        if height % STRIDE or width % STRIDE:
            raise InputError(f"expected sides that are multiples of {STRIDE} pixels, found {width}x{height}")
        pixels = (images.float() - self.mean) / self.std
        logits: Tensor = self.unet(pixels.contiguous(memory_format=torch.channels_last))
        return logits


def _check_sizes(size: int, tile: int | None, width: int) -> None:
    check_at_least(STRIDE, size=size)
    for name, value, step in (("tile", tile, STRIDE), ("width", width, 16)):
        if value is not None and (value < step or value % step):
            raise InputError(f"expected a {name} that is a multiple of {step}, found {value}")


def _network(encoder: str, kinds: int, tile: int, width: int, *, pretrained: bool) -> Any:  # noqa: ANN401  (smp is untyped)
    _check_name(encoder)
    weights = (True if encoder.startswith(_TIMM) else "imagenet") if pretrained else None
    channels = [width // 2**depth for depth in range(5)]
    options = size_arguments(encoder.removeprefix(_TIMM), tile) if encoder.startswith(_TIMM) else {}
    try:
        return smp.UnetPlusPlus(encoder, encoder_weights=weights, decoder_channels=channels, classes=kinds, **options)
    except (AssertionError, TypeError, ValueError) as error:
        raise InputError(
            f"UNet++ can not be built on {encoder} ({first_line(error)}); choose another encoder"
        ) from error
    except (OSError, RuntimeError, LookupError) as error:
        if not pretrained:
            raise
        raise InputError(
            f"no pretrained weights for {encoder} ({first_line(error)}); train from scratch (pretrained: false) or "
            "give a local file (weights: FILE)"
        ) from error


def _check_name(encoder: str) -> None:
    of_timm = encoder.startswith(_TIMM)
    if not (is_timm_model(encoder.removeprefix(_TIMM)) if of_timm else encoder in _own_encoders()):
        names = [*_own_encoders(), *(_TIMM + name for name in timm.list_models())]
        close = get_close_matches(encoder, names, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "see the encoders of segmentation-models-pytorch"
        raise InputError(f"expected the name of an encoder, found {encoder!r}; {hint}")


def _own_encoders() -> list[str]:
    return [name for name in smp.encoders.get_encoder_names() if not name.startswith(_NO_UNETPLUSPLUS)]


def _normalisation(encoder: str) -> tuple[Sequence[float], Sequence[float]]:
    """Mean and standard deviation that the encoder was trained with, of pixels in 0..1."""
    if encoder.startswith(_TIMM):
        config = timm.get_pretrained_cfg(encoder.removeprefix(_TIMM))
        if config is not None:
            return config.mean, config.std
    known = (numbers for start, numbers in _NORMALISATION.items() if encoder.startswith(start))
    return next(known, (IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD))


def _load_encoder(encoder: nn.Module, name: str, published: Mapping[str, Tensor]) -> None:
    state = encoder.state_dict()
    missing = [own for own, value in state.items() if own not in published or published[own].shape != value.shape]
    if missing:
        raise InputError(
            f"the weights do not fit {name} ({len(missing)} of {len(state)} tensors, as {missing[0]}); give those of "
            "this encoder"
        )
    encoder.load_state_dict({own: published[own] for own in state})
