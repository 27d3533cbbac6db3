"""One classifier under attack."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import torch
from torch import nn

from miad.errors import InputError
from miad.models import Normalised, evaluating, find_checkpoint, load_classifier
from miad.tensors import Images, Probabilities

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""What most published networks were trained with."""


def weights_digest(network: nn.Module) -> str:
    """sha256 (hex) of all weights and buffers by name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(name.encode() + tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


class Target(nn.Module):
    """A classifier as a function from uint8 pixels to probabilities.

    Args:
        name: how reports call it.
        network: logits of uint8 images; it owns its preprocessing.
        classes: class names in the order of the logits.
        size: side in pixels that the network reads.

    Attributes:
        scored: images scored so far.
    """

    def __init__(self, name: str, network: nn.Module, classes: tuple[str, ...], size: int) -> None:
        super().__init__()
        self.name = name
        self.network = network.requires_grad_(requires_grad=False)
        self.classes = classes
        self.size = size
        self.scored = 0

    @classmethod
    def of(
        cls,
        network: nn.Module,
        size: int = 224,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        name: str = "",
        classes: Sequence[str] = (),
    ) -> Self:
        """A target from any classifier of float images; it is neither changed nor copied.

        Args:
            network: logits ``(n, c)`` of float images ``(n, 3, size, size)``, each for itself.
            size: side in pixels of what it reads; images of other sizes are resized, antialiased.
            mean: taken off the pixels, which are 0..1 then, of each channel; by default ImageNet's.
            std: what they are divided by, likewise.
            name: how messages call it; by default its class's name.
            classes: class names in the order of the logits; by default their numbers.

        Raises:
            InputError: the network does not answer with logits for such images.
        """
        reader = Normalised(network, size, mean, std)
        count = _count_logits(reader)
        names = tuple(classes or map(str, range(count)))
        if len(names) != count:
            raise InputError(f"expected names of {count} classes, one a logit, found {len(names)}")
        wanted = [parameter.requires_grad for parameter in network.parameters()]
        target = cls(name or type(network).__name__, reader, names, size)
        for parameter, gradient in zip(network.parameters(), wanted, strict=True):
            parameter.requires_grad_(gradient)  # the caller may go on training
        return target

    def forward(self, images: Images) -> Probabilities:
        """Probabilities ``(n, c)`` in float32; the network is in evaluation mode whatever mode it was left in."""
        self.scored += len(images)
        with evaluating(self.network):
            probabilities: Probabilities = self.network(images).float().softmax(1)
        return probabilities


def _count_logits(reader: Normalised) -> int:
    parameter = next(reader.parameters(), None)
    if parameter is None:
        raise InputError("expected a network with parameters, found none, which tells no device")
    black = torch.zeros(2, 3, reader.size, reader.size, dtype=torch.uint8, device=parameter.device)
    try:
        with torch.no_grad(), evaluating(reader):
            logits = reader(black)
    except (RuntimeError, ValueError, TypeError, AssertionError) as error:
        reason = (str(error).strip() or type(error).__name__).partition("\n")[0]
        raise InputError(
            f"expected a network that reads (n, 3, {reader.size}, {reader.size}), found {reason}"
        ) from error
    shape = tuple(getattr(logits, "shape", ()))
    if len(shape) != 2 or shape[0] != len(black) or shape[1] < 2:
        raise InputError(f"expected a network that answers with logits (n, c), found {shape or type(logits).__name__}")
    return int(shape[1])


def load_target(path: str | Path) -> Target:
    """A target from a run of ``miad fit classifier``, or from a checkpoint file.

    Args:
        path: the run's folder (its best checkpoint is taken) or the checkpoint.

    Raises:
        InputError: there is no such checkpoint, or it holds no classifier.
    """
    path = Path(path)
    network = load_classifier(find_checkpoint(path))
    name = path.name if path.is_dir() else path.stem
    return Target(name, network, network.classes, network.size)
