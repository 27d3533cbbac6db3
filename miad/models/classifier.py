"""A diagnostic classifier: any timm backbone, with the preprocessing it was made for inside.

uint8 pixels of any size go in and logits come out, so nothing else ever needs a mean, a standard deviation
or an input size.
"""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import timm
import torch
from torch import Tensor, nn

from miad.errors import InputError
from miad.imaging import resize
from miad.tensors import Images


class Classifier(nn.Module):
    """A timm backbone that reads uint8 images.

    Args:
        backbone: name of a timm model, for example ``resnet50`` or ``vit_base_patch16_224``.
        classes: class names, in the order of the logits.
        size: side in pixels of the square that the backbone reads; images of other sizes are resized inside.
        pretrained: start from timm's published weights (asks the model hub).
        published: start from these published weights instead, a state dict by timm's names; a head of other classes is
            left as it was drawn.

    Raises:
        InputError: no timm model has that name, it can not read that size, or its weights can not be had or do not fit.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: str,
        classes: Sequence[str],
        size: int,
        *,
        pretrained: bool = False,
        published: Mapping[str, Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.name = backbone
        self.classes = tuple(classes)
        self.size = size
        # Channels last is the faster layout on CPUs and GPUs alike, up to twice in half precision.
        network = _backbone(backbone, len(self.classes), size, pretrained=pretrained, published=published)
        self.backbone = network.to(memory_format=torch.channels_last)
        config = self.backbone.pretrained_cfg
        self.register_buffer("mean", 255 * torch.tensor(config["mean"]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255 * torch.tensor(config["std"]).view(1, 3, 1, 1), persistent=False)

    def preprocess(self, images: Images) -> Tensor:
        """What the backbone reads: float ``(n, 3, size, size)``, resized, then normalised."""
        pixels = (resize(images.float(), (self.size, self.size)) - self.mean) / self.std
        return pixels.contiguous(memory_format=torch.channels_last)

    def forward(self, images: Images) -> Tensor:
        """Logits ``(n, c)`` of uint8 images ``(n, 3, h, w)``."""
        logits: Tensor = self.backbone(self.preprocess(images))
        return logits


def _backbone(name: str, classes: int, size: int, *, pretrained: bool, published: Mapping[str, Tensor] | None) -> Any:  # noqa: ANN401  (timm is untyped)
    _check_name(name)
    options = size_arguments(name, size) | _weight_arguments(pretrained=pretrained, published=published)
    try:
        network = timm.create_model(name, num_classes=classes, **options)
        _check_patches(network, size)
    except (AssertionError, TypeError, ValueError) as error:
        raise InputError(f"{name} can not read {size}x{size} pixels ({error}); choose another size") from error
    except (OSError, RuntimeError) as error:
        if published is not None:
            raise InputError(
                f"the weights do not fit {name} ({first_line(error)}); give those of this model"
            ) from error
        if not pretrained:
            raise
        raise InputError(
            f"no pretrained weights for {name} ({first_line(error)}); train from scratch (pretrained: false) or give "
            "a local file (weights: FILE)"
        ) from error
    return network


def _check_patches(network: Any, size: int) -> None:  # noqa: ANN401
    """Transformers that cut the image into patches say so only when they first see an image of another size."""
    patch = getattr(getattr(network, "patch_embed", None), "patch_size", None)
    if patch is not None and size % patch[0]:
        raise ValueError(f"it cuts the image into patches of {patch[0]}")


def is_timm_model(name: str) -> bool:
    """Whether timm has a model of that name, and weights of its tag if it has one."""
    architecture, _, tag = name.partition(".")
    return timm.is_model(architecture) and (not tag or timm.is_model_pretrained(name))


def _check_name(name: str) -> None:
    if not is_timm_model(name):
        close = get_close_matches(name, timm.list_models(), n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "see timm.list_models()"
        raise InputError(f"expected the name of a timm model, found {name!r}; {hint}")


def size_arguments(name: str, size: int) -> dict[str, Any]:
    """Transformers fix their position grid when built, convolutional networks read any size."""
    config = timm.get_pretrained_cfg(name.partition(".")[0])
    return {"img_size": size} if config is not None and config.fixed_input_size else {}


def _weight_arguments(*, pretrained: bool, published: Mapping[str, Tensor] | None) -> dict[str, Any]:
    if published is None:
        return {"pretrained": pretrained}
    # timm fits the names, the head and the position grid, as it does for what it downloads.
    return {"pretrained": True, "pretrained_cfg_overlay": {"state_dict": dict(published)}}


def first_line(error: Exception) -> str:
    """The gist of a library's error."""
    return str(error).strip().partition("\n")[0]
