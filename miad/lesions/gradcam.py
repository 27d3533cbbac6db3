"""Grad-CAM: where a convolutional classifier looks (Selvaraju et al.; MIAD-MARK eq. 7, 8 and Algorithm 2).

Nothing is left behind: the network is cut at the layer, so only what follows it is differentiated, whether its weights
are frozen or not; no parameter gets a gradient, the hook lives as long as one call, every training flag is restored.
"""

from difflib import get_close_matches
from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from miad.errors import InputError
from miad.models import Classifier, evaluating
from miad.tensors import Images, Labels


class Heatmaps(NamedTuple):
    """What speaks for each image's label, and where."""

    heat: Tensor
    """float32 ``(n, h, w)``: 0..1, each image's largest value 1; all 0 where nothing speaks for the label."""
    correct: Tensor
    """bool ``(n,)``: whether the classifier reads the label; where it does not, the map is of little worth."""


class GradCam:
    """Heatmaps of one classifier.

    Args:
        network: a convolutional classifier.
        layer: name of the layer whose output is weighted, within the backbone (``layer4``, ``features.norm5``); by
            default the last one that keeps an image's rows and columns.
        rate: share of the channels that are summed, those of the largest weights (r of Algorithm 2); 1 is plain
            Grad-CAM.

    Raises:
        InputError: the rate is not in 0..1, the backbone has no such layer (names the nearest), or the layer's output
            has no rows and columns.
    """

    def __init__(self, network: Classifier, layer: str | None = None, rate: float = 1.0) -> None:
        if not 0 < rate <= 1:
            raise InputError(f"expected a share of channels above 0 and at most 1, found {rate}")
        self.network = network
        self.rate = rate
        self.layer = _last_features(network) if layer is None else layer
        self._module = _find(network, self.layer)
        self._check_map(_output_shape(network, self.layer))

    def __call__(self, images: Images, labels: Labels) -> Heatmaps:
        """Heatmaps of the images' own size.

        Args:
            images: uint8 ``(n, 3, h, w)``.
            labels: int64 ``(n,)``; each image's map is of the gradient of this class's logit (l_g).

        Raises:
            InputError: the classifier answers with numbers that are not finite.
        """
        with torch.inference_mode(mode=False), torch.autocast(images.device.type, enabled=False):
            features, gradients, correct = self._differentiate(images.clone(), labels.clone())
            weights = gradients.mean((2, 3))  # eq. 7
            heat = torch.einsum("nc,nchw->nhw", _strongest(weights, self.rate), features).relu()  # eq. 8
            self._check_finite(heat)
            sized = interpolate(heat[:, None], images.shape[-2:], mode="bilinear")[:, 0]
            return Heatmaps(_normalised(sized), correct)

    def _differentiate(self, images: Images, labels: Labels) -> tuple[Tensor, Tensor, Tensor]:
        """The layer's output ``(n, c, h', w')``, the gradient of the labels' logits by it, who reads the label."""
        kept: list[Tensor] = []

        def cut(_: nn.Module, __: object, output: Tensor) -> Tensor:
            kept.append(output.detach().requires_grad_())
            return kept[-1].clone()  # what follows may work in place

        with evaluating(self.network), torch.enable_grad():
            handle = self._module.register_forward_hook(cut)
            try:
                logits = self.network(images)
            finally:
                handle.remove()
            (gradients,) = torch.autograd.grad(logits.gather(1, labels[:, None]).sum(), kept[-1])
        return kept[-1].detach().float(), gradients.float(), logits.argmax(1) == labels

    def _check_map(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 4 or shape[2] * shape[3] < 2:
            raise InputError(
                f"expected rows and columns in the output of {self.network.name}'s layer {self.layer}, found "
                f"{'x'.join(map(str, shape[1:])) or 'none'}; name an earlier layer as lesions.layer"
            )

    def _check_finite(self, heat: Tensor) -> None:
        if not heat.isfinite().all():
            raise InputError(
                f"expected finite heatmaps of {self.network.name}, found values that are not numbers; its weights or "
                "its training are broken, take another classifier"
            )


def _last_features(network: Classifier) -> str:
    """The last layer that timm lists as a feature map, of those of convolutions that keep rows and columns."""
    for info in reversed(list(getattr(network.backbone, "feature_info", ()))):
        shape = _output_shape(network, info["module"])
        # Transformers answer with tokens, or with channels last.
        if len(shape) == 4 and shape[1] == info["num_chs"] and shape[2] * shape[3] > 1:
            return str(info["module"])
    raise InputError(
        f"{network.name} has no convolutional feature map for Grad-CAM; take the heatmaps from a convolutional "
        "classifier, as mask gradcam:FOLDER"
    )


def _output_shape(network: Classifier, layer: str) -> tuple[int, ...]:
    """Of one image; empty if the layer is not called, or does not answer with one tensor."""
    shapes: list[tuple[int, ...]] = []

    def note(_: nn.Module, __: object, output: object) -> None:
        shapes.append(tuple(output.shape) if isinstance(output, Tensor) else ())

    handle = _find(network, layer).register_forward_hook(note)
    with evaluating(network), torch.no_grad():
        try:
            network(torch.zeros(1, 3, network.size, network.size, dtype=torch.uint8, device=network.mean.device))
        finally:
            handle.remove()
    return shapes[-1] if shapes else ()


def _find(network: Classifier, layer: str) -> nn.Module:
    modules: dict[str, nn.Module] = dict(network.backbone.named_modules())
    if not layer or layer not in modules:
        close = get_close_matches(layer, modules, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else "see its modules"
        raise InputError(f"expected a layer of {network.name}, found {layer!r}; {hint}")
    return modules[layer]


def _strongest(weights: Tensor, rate: float) -> Tensor:
    """The weights of the strongest channels, 0 for the others."""
    count = ceil(rate * weights.shape[1])
    chosen = weights.topk(count, dim=1).indices
    return torch.zeros_like(weights).scatter(1, chosen, weights.gather(1, chosen))


def _normalised(heat: Tensor) -> Tensor:
    """Each map from 0 to 1 (min-max); a map without contrast says nothing and becomes 0."""
    low, high = heat.amin((1, 2), keepdim=True), heat.amax((1, 2), keepdim=True)
    return (heat - low) / (high - low).where(high > low, torch.ones_like(high))
