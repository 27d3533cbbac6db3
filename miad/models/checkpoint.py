"""Read a network back from a checkpoint of ``miad fit``, without Lightning and without running code."""

import pickle
import struct
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from miad.errors import InputError
from miad.models.classifier import Classifier
from miad.models.removers import Remover, RemoverName, build_remover, load_public
from miad.models.segmenter import Segmenter

_UNREADABLE = (
    *(OSError, RuntimeError, EOFError, LookupError, ValueError),
    *(pickle.UnpicklingError, struct.error, SafetensorError),
)
"""What torch.load raises for files that are not its own."""

_PREFIX = "network."
"""Where the tasks keep the network in their state dict."""

_OPTIONS = {
    "classifier": ("backbone", "classes", "size"),
    "segmenter": ("encoder", "kinds", "size", "tile", "width"),
    "remover": ("network", "base_channels", "published"),
}
"""What builds each network again."""

_DIFFERS = {
    "classifier": "backbone, image size or number of classes",
    "segmenter": "encoder, width or number of kinds",
    "remover": "network or base_channels",
}
"""Why weights may not fit."""

_Network = TypeVar("_Network", bound=nn.Module)


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
    return _load(path, "classifier", Classifier)


def load_segmenter(path: Path) -> Segmenter:
    """The network of a checkpoint, in evaluation mode.

    Args:
        path: a checkpoint file.

    Raises:
        InputError: the file is missing, is no checkpoint, or holds no segmenter.
    """
    return _load(path, "segmenter", Segmenter)


def load_remover(path: Path) -> Remover:
    """The network of a checkpoint, in evaluation mode.

    Args:
        path: a checkpoint file.

    Raises:
        InputError: the file is missing, is no checkpoint, or holds no remover.
    """
    return _load(path, "remover", lambda network, **options: build_remover(network, **options))


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
    return _start(partial(Classifier, backbone, classes, size), "classifier", pretrained, weights)


def start_segmenter(
    encoder: str,
    kinds: Sequence[str],
    size: int,
    tile: int | None = None,
    *,
    width: int = 256,
    pretrained: bool = False,
    weights: Path | None = None,
) -> Segmenter:
    """A segmenter to train.

    Args:
        encoder: see `Segmenter`.
        kinds: kinds of lesions, in the order of the logits.
        size: see `Segmenter`.
        tile: see `Segmenter`.
        width: see `Segmenter`.
        pretrained: start the encoder from published weights (asks the model hub), unless ``weights`` are given.
        weights: start from a local file: a run of 'miad fit segmenter' or its checkpoint, or published weights of the
            encoder (state dict or safetensors).

    Raises:
        InputError: the network can not be built, or the weights are missing or do not fit.
    """
    return _start(partial(Segmenter, encoder, kinds, size, tile, width=width), "segmenter", pretrained, weights)


def start_remover(name: RemoverName, base_channels: int | None, weights: Path | None) -> Remover:
    """A remover to train.

    Args:
        name: which network.
        base_channels: width; by default the published one.
        weights: start from a local file: a run of 'miad fit remover' or its checkpoint, or the network's published
            weights.

    Raises:
        InputError: the weights are missing or do not fit.
    """
    if weights is None:
        return build_remover(name, base_channels)
    path = find_checkpoint(Path(weights))
    checkpoint = _read(path, "remover")
    if "hyper_parameters" in checkpoint:
        options, state = _options(path, checkpoint, "remover")
        width = options["base_channels"] if base_channels is None else base_channels
        network = build_remover(name, width, published=options["published"])
        _load_weights(network, state, path, "remover")
        return network
    state = checkpoint.get("state_dict", checkpoint)
    if not isinstance(state, dict) or not all(isinstance(key, str) for key in state):
        raise InputError(f"{path}: expected weights by name, found none")
    try:
        network = load_public(name, state)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    if base_channels not in (None, network.base_channels):
        raise InputError(
            f"{path}: expected base_channels {network.base_channels} with published weights of {name}, found "
            f"{base_channels}; leave it out"
        )
    return network


def _load(path: Path, word: str, build: Callable[..., _Network]) -> _Network:
    options, state = _options(path, _read(path, word), word)
    network = build(**options)
    _load_weights(network, state, path, word)
    return network.eval()


def _start(build: Callable[..., _Network], word: str, pretrained: bool, weights: Path | None) -> _Network:
    if weights is None:
        return build(pretrained=pretrained)
    path = find_checkpoint(Path(weights))
    checkpoint = _read(path, word)
    state = checkpoint.get("state_dict", checkpoint)
    if not any(name.removeprefix(_PREFIX).startswith(("backbone.", "unet.")) for name in state):
        try:
            return build(published=state)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    _check_word(path, checkpoint, word)
    network = build()
    _load_weights(network, state, path, word)
    return network


def _load_weights(network: nn.Module, state: dict[str, Any], path: Path, word: str) -> None:
    own = {name.removeprefix(_PREFIX): value for name, value in state.items()}
    expected = network.state_dict()
    wrong = [n for n, v in expected.items() if n not in own or own[n].shape != v.shape]
    if wrong:
        found = tuple(own[wrong[0]].shape) if wrong[0] in own else "nothing"
        raise InputError(
            f"{path}: {len(wrong)} of {len(expected)} tensors do not fit; {wrong[0]} expected "
            f"{tuple(expected[wrong[0]].shape)}, found {found}: another {_DIFFERS[word]}"
        )
    network.load_state_dict({name: own[name] for name in expected})


def _options(path: Path, checkpoint: dict[str, Any], word: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The options that build the network of a run of ``miad fit WORD``, and the task's state dict."""
    _check_word(path, checkpoint, word)
    options = checkpoint.get("hyper_parameters") or {}
    if "state_dict" not in checkpoint or not set(_OPTIONS[word]) <= options.keys():
        raise InputError(f"{path}: expected a checkpoint of 'miad fit {word}', found none of its options")
    return {name: options[name] for name in _OPTIONS[word]}, checkpoint["state_dict"]


def _check_word(path: Path, checkpoint: dict[str, Any], word: str) -> None:
    """A checkpoint of one network is not taken for another's."""
    options = checkpoint.get("hyper_parameters") or {}
    for other in _OPTIONS.keys() - {word}:
        if set(_OPTIONS[other]) <= options.keys():
            raise InputError(f"{path}: expected a checkpoint of 'miad fit {word}', found one of 'miad fit {other}'")


def _read(path: Path, word: str) -> dict[str, Any]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such checkpoint; train one with 'miad fit {word}'") from error
    except _UNREADABLE as error:
        raise InputError(f"{path}: expected a checkpoint, found a file that torch can not load") from error
    if not isinstance(checkpoint, dict):
        raise InputError(f"{path}: expected a checkpoint, found a {type(checkpoint).__name__}")
    return checkpoint
