"""The bare forward pass of an ensemble, computed in other ways than the search computes it."""

import sys
from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn

from miad.models import Classifier
from miad.targets import Ensemble
from miad.tensors import Images, Probabilities


class _Half(nn.Module):
    """An ensemble under bfloat16 autocast, as of ``--run.precision bf16-mixed``."""

    def __init__(self, ensemble: nn.Module) -> None:
        super().__init__()
        self.ensemble = ensemble

    def forward(self, images: Images) -> Probabilities:
        with torch.autocast(images.device.type, dtype=torch.bfloat16):
            probabilities: Probabilities = self.ensemble(images)
        return probabilities


def _channels_first(ensemble: Ensemble) -> nn.Module:
    """A copy whose weights and pixels lie channel by channel; classifiers have channels last by themselves."""
    copy = deepcopy(ensemble).to(memory_format=torch.contiguous_format)
    for target in copy.members:
        assert isinstance(target.network, Classifier)
        target.network.backbone.register_forward_pre_hook(_contiguous)
    return copy


def _contiguous(_: nn.Module, given: tuple[Tensor]) -> tuple[Tensor]:
    return (given[0].contiguous(),)


def _compiled(ensemble: Ensemble) -> nn.Module:
    """A copy whose classifiers are compiled, for each size of a batch anew, as the engine's batches have one size."""
    copy = deepcopy(ensemble)
    for target in copy.members:
        target.network.compile(dynamic=False)
    return copy


WAYS: dict[str, Callable[[Ensemble], nn.Module]] = {
    "channels first": _channels_first,
    "bfloat16": _Half,
    "bfloat16, channels first": lambda ensemble: _Half(_channels_first(ensemble)),
    "compiled": _compiled,
    "bfloat16, compiled": lambda ensemble: _Half(_compiled(ensemble)),
}
"""The search itself computes in float32, or as ``--run.precision`` says, with channels last, not compiled."""


def working_ways(ensemble: Ensemble, attempt: Callable[[nn.Module], object]) -> dict[str, nn.Module]:
    """The ways that work here; what is wrong with the others goes to the standard error.

    Args:
        ensemble: the sources.
        attempt: what each way must be able to do.
    """
    return {name: network for name, make in WAYS.items() if (network := _try(name, make, ensemble, attempt))}


def _try(
    name: str, make: Callable[[Ensemble], nn.Module], ensemble: Ensemble, attempt: Callable[[nn.Module], object]
) -> nn.Module | None:
    try:
        network = make(ensemble)
        attempt(network)
    except (RuntimeError, ImportError, OSError) as error:  # a compiler is missing, or the device can not do it
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        sys.stderr.write(f"bare forward pass, {name}: does not work here ({reason})\n")
        return None
    return network
