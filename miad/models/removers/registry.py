"""The removers by name, and what each is trained with."""

from collections.abc import Callable
from typing import Literal, NamedTuple, TypeAlias

import torch

from miad.errors import InputError
from miad.models.removers.authors_losses import BVMRLoss, SLBRLoss, SplitNetLoss, WDNetLoss
from miad.models.removers.base import Remover
from miad.models.removers.bvmr import BVMR
from miad.models.removers.losses import RemoverLoss
from miad.models.removers.slbr import SLBR
from miad.models.removers.splitnet import SplitNet
from miad.models.removers.wdnet import WDNet

RemoverName: TypeAlias = Literal["wdnet", "splitnet", "bvmr", "slbr"]


class _Entry(NamedTuple):
    """A network, its published width, and its loss."""

    network: type[Remover]
    width: int
    loss: Callable[..., RemoverLoss]


REMOVERS: dict[RemoverName, _Entry] = {
    "wdnet": _Entry(WDNet, 64, WDNetLoss),
    "splitnet": _Entry(SplitNet, 32, SplitNetLoss),
    "bvmr": _Entry(BVMR, 32, BVMRLoss),
    "slbr": _Entry(SLBR, 32, SLBRLoss),
}


def build_remover(name: RemoverName, base_channels: int | None = None, *, published: bool = False) -> Remover:
    """A remover of random weights.

    Args:
        name: which network.
        base_channels: width; by default the published one.
        published: with the numerical oddities that published weights need (SplitNet's normalisation).

    Raises:
        InputError: there is no such network.
    """
    if name not in REMOVERS:
        raise InputError(f"expected a remover of {', '.join(REMOVERS)}, found {name!r}")
    entry = REMOVERS[name]
    width = entry.width if base_channels is None else base_channels
    network = SplitNet(width, published_eps=published) if entry.network is SplitNet else entry.network(width)
    # Channels last is the faster layout on CPUs and GPUs alike.
    return network.to(memory_format=torch.channels_last)


def remover_name(network: Remover) -> RemoverName:
    """By which name `build_remover` builds such a network."""
    return next(name for name, entry in REMOVERS.items() if type(network) is entry.network)


def remover_loss(network: Remover, *, perceptual: bool = False) -> RemoverLoss:
    """The loss that the network's authors train it with.

    Args:
        network: the remover.
        perceptual: with the terms of VGG's features, where it has such (asks the model hub).

    Raises:
        InputError: the features' weights can not be had.
    """
    return REMOVERS[remover_name(network)].loss(network.base_channels, perceptual=perceptual)
