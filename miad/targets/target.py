"""One classifier under attack."""

import hashlib
from pathlib import Path

from torch import nn

from miad.models import evaluating, find_checkpoint, load_classifier
from miad.tensors import Images, Probabilities


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

    def forward(self, images: Images) -> Probabilities:
        """Probabilities ``(n, c)`` in float32; the network is in evaluation mode whatever mode it was left in."""
        self.scored += len(images)
        with evaluating(self.network):
            probabilities: Probabilities = self.network(images).float().softmax(1)
        return probabilities


def load_target(path: Path) -> Target:
    """A target from a run of ``miad fit classifier``, or from a checkpoint file.

    Args:
        path: the run's folder (its best checkpoint is taken) or the checkpoint.

    Raises:
        InputError: there is no such checkpoint, or it holds no classifier.
    """
    network = load_classifier(find_checkpoint(path))
    name = path.name if path.is_dir() else path.stem
    return Target(name, network, network.classes, network.size)
