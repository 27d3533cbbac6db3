"""Published weights, under the names that their authors gave them."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from torch import Tensor

from miad.errors import InputError
from miad.models.removers.base import Remover
from miad.models.removers.wdnet import WDNet


class _Public(NamedTuple):
    """How to read one network's published state dict."""

    build: Callable[[], Remover]
    prefixes: Mapping[str, str]
    """From the beginnings of our names to theirs."""


_PUBLIC = {
    "wdnet": _Public(
        WDNet,
        {
            "downs.0.": "inc.double_conv.",
            **{f"downs.{level}.": f"down{level}.maxpool_conv.1.double_conv." for level in range(1, 5)},
            "dilated.": "dilation.",
            **{f"ups.{level}.": f"up{level + 1}.conv.double_conv." for level in range(4)},
            "heads.mark.": "outw.conv.",
            "heads.alpha.": "outa.conv.",
            "heads.mask.": "out_mask.conv.",
            "heads.features.": "other.conv.",
            **{f"refiner.{step}.": f"post_process_{step + 1}." for step in range(5)},
        },
    )
}


def load_public(name: str, state: Mapping[str, Tensor]) -> Remover:
    """A remover with its published weights, in evaluation mode.

    Args:
        name: ``wdnet``.
        state: the published state dict; ``module.`` before its names is taken off.

    Raises:
        InputError: there is no such network, or the state dict is another's; names the first keys that are missing, not
            expected, or of another shape.
    """
    if name not in _PUBLIC:
        raise InputError(f"expected a remover of {', '.join(_PUBLIC)}, found {name!r}")
    public = _PUBLIC[name]
    network = public.build()
    theirs = {_renamed(key, public.prefixes): key for key in network.state_dict()}
    given = {key.removeprefix("module."): value for key, value in state.items()}
    _check(name, {key: network.state_dict()[own].shape for key, own in theirs.items()}, given)
    network.load_state_dict({own: given[key] for key, own in theirs.items()})
    return network.eval()


def _renamed(own: str, prefixes: Mapping[str, str]) -> str:
    ours, theirs = next(pair for pair in prefixes.items() if own.startswith(pair[0]))
    return theirs + own.removeprefix(ours)


def _check(name: str, wanted: Mapping[str, tuple[int, ...]], given: Mapping[str, Tensor]) -> None:
    missing = [key for key in wanted if key not in given]
    others = [key for key in given if key not in wanted]
    if missing or others:
        words = [
            f"{keys[0]} {what} ({len(keys)} such)"
            for keys, what in ((missing, "is missing"), (others, "is not its own"))
            if keys
        ]
        raise InputError(f"expected the {len(wanted)} tensors of {name}, found {len(given)}: {', '.join(words)}")
    wrong = next((key for key, shape in wanted.items() if given[key].shape != shape), None)
    if wrong is not None:
        raise InputError(
            f"expected {wrong} of {tuple(wanted[wrong])}, found {tuple(given[wrong].shape)}; not the {name} published"
        )
