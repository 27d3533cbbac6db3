"""Removers as they are while delta is optimised: in evaluation mode, and without gradients of their own."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch import nn

from miad.errors import InputError


@contextmanager
def frozen(networks: Iterable[nn.Module]) -> Iterator[None]:
    """No parameter asks for a gradient for a block; each one's own flag is restored."""
    learning = [parameter for network in networks for parameter in network.parameters() if parameter.requires_grad]
    for parameter in learning:
        parameter.requires_grad = False
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad = True


def check_evaluating(networks: Iterable[nn.Module]) -> None:
    """Refuse networks that are in training, in whole or in part.

    Raises:
        InputError: one is; names its class.
    """
    for network in networks:
        if any(module.training for module in network.modules()):
            raise InputError(
                f"expected removers in evaluation mode, found {type(network).__name__} in training mode, where images "
                "of a batch depend on each other; call .eval() on it"
            )
