"""Read a classifier back from a checkpoint of ``miad fit classifier``, without Lightning and without running code."""

import pickle
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from miad.errors import InputError
from miad.models.classifier import Classifier

_UNREADABLE = (
    *(OSError, RuntimeError, EOFError, LookupError, ValueError),
    *(pickle.UnpicklingError, struct.error, SafetensorError),
)
"""What torch.load raises for files that are not its own."""

_PREFIX = "network."
"""Where `miad.tasks.ClassifierTask` keeps the network in its state dict."""


def find_checkpoint(path: Path) -> Path:
    """The best checkpoint of a run's folder; a file stands for itself.

    Raises:
        InputError: the folder holds none.
    """
    if not path.is_dir():
        return path
    checkpoint = path / "checkpoints" / "best.ckpt"
    if not checkpoint.is_file():
        raise InputError(f"{path}: expected the folder of a trained run, found no checkpoints/best.ckpt in it")
    return checkpoint


def load_classifier(path: Path) -> Classifier:
    """The network of a checkpoint, in evaluation mode.

    Args:
        path: a checkpoint file.

    Raises:
        InputError: the file is missing, is no checkpoint, or holds no classifier.
    """
    checkpoint = _read(path)
    options = checkpoint.get("hyper_parameters", {})
    if "state_dict" not in checkpoint or not {"backbone", "classes", "size"} <= options.keys():
        raise InputError(f"{path}: expected a checkpoint of 'miad fit classifier', found none of its options")
    network = Classifier(options["backbone"], options["classes"], options["size"])
    _load_weights(network, checkpoint["state_dict"], path)
    return network.eval()


def start_classifier(
    backbone: str, classes: Sequence[str], size: int, *, pretrained: bool = False, weights: Path | None = None
) -> Classifier:
    """A classifier to train.

    Args:
        backbone: name of a timm model.
        classes: class names, in the order of the logits.
        size: side in pixels of the square that the backbone reads.
        pretrained: start from timm's published weights (asks the model hub), unless ``weights`` are given.
        weights: start from a local file: a run of 'miad fit classifier' or its checkpoint, or published weights as
            timm names them (state dict or safetensors; a head of other classes is left as it was drawn).

    Raises:
        InputError: the backbone can not be built, or the weights are missing or do not fit.
    """
    if weights is None:
        return Classifier(backbone, classes, size, pretrained=pretrained)
    path = find_checkpoint(Path(weights))
    checkpoint = _read(path)
    state = checkpoint.get("state_dict", checkpoint)
    if not any(name.removeprefix(_PREFIX).startswith("backbone.") for name in state):
        try:
            return Classifier(backbone, classes, size, published=state)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    network = Classifier(backbone, classes, size)
    _load_weights(network, state, path)
    return network


def _load_weights(network: Classifier, state: dict[str, Any], path: Path) -> None:
    own = {name.removeprefix(_PREFIX): value for name, value in state.items()}
    expected = network.state_dict()
    wrong = [n for n, v in expected.items() if n not in own or own[n].shape != v.shape]
    if wrong:
        found = tuple(own[wrong[0]].shape) if wrong[0] in own else "nothing"
        raise InputError(
            f"{path}: {len(wrong)} of {len(expected)} tensors do not fit; {wrong[0]} expected "
            f"{tuple(expected[wrong[0]].shape)}, found {found}: another backbone, image size or number of classes"
        )
    network.load_state_dict({name: own[name] for name in expected})


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such checkpoint; train one with 'miad fit classifier'") from error
    except _UNREADABLE as error:
        raise InputError(f"{path}: expected a checkpoint, found a file that torch can not load") from error
    if not isinstance(checkpoint, dict):
        raise InputError(f"{path}: expected a checkpoint, found a {type(checkpoint).__name__}")
    return checkpoint
