"""Published weights, under the names that their authors gave them."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from torch import Tensor

from miad.errors import InputError
from miad.models.removers.base import Remover
from miad.models.removers.bvmr import BVMR
from miad.models.removers.slbr import SLBR
from miad.models.removers.splitnet import SplitNet
from miad.models.removers.wdnet import WDNet


class _Public(NamedTuple):
    """How to read one network's published state dict."""

    build: Callable[[], Remover]
    names: Sequence[tuple[str, str]]
    """From our names to theirs: patterns and what stands for them, all in order."""


_BLOCKS = [
    (r"\.up_norm\.", ".norm0."),
    (r"\.up\.", ".up_conv."),
    (r"\.conv\.", ".conv1."),
    (r"\.norm\.", ".norm1."),
    (r"\.convs\.", ".conv2."),
    (r"\.norms\.", ".bn."),
]
_ENCODER = (r"^downs\.", "encoder.down_convs.")
_BRANCHES = [
    (r"^shared\.", "shared_decoder.up_convs."),
    (r"^branches\.mark\.", "vm_decoder."),
    (r"^branches\.(\w+)\.", r"\1_decoder."),
    (r"_decoder\.ups\.", "_decoder.up_convs."),
    (r"_decoder\.last\.", "_decoder.conv_final."),
]

_PUBLIC = {
    "wdnet": _Public(
        WDNet,
        [
            (r"^downs\.0\.", "inc.double_conv."),
            (r"^downs\.(\d)\.", r"down\1.maxpool_conv.1.double_conv."),
            (r"^dilated\.", "dilation."),
            *((rf"^ups\.{level}\.", f"up{level + 1}.conv.double_conv.") for level in range(4)),
            (r"^heads\.mark\.", "outw.conv."),
            (r"^heads\.alpha\.", "outa.conv."),
            (r"^heads\.mask\.", "out_mask.conv."),
            (r"^heads\.features\.", "other.conv."),
            *((rf"^refiner\.{step}\.", f"post_process_{step + 1}.") for step in range(5)),
        ],
    ),
    "splitnet": _Public(
        SplitNet,
        [
            *_BLOCKS,
            _ENCODER,
            *_BRANCHES,
            (r"^gates\.image\.", "shared_decoder.im_atts."),
            (r"^gates\.mask\.", "shared_decoder.mask_atts."),
            (r"^gates\.mark\.", "shared_decoder.vm_atts."),
            *((rf"^refiner\.downs\.{level}\.", f"s2am.down{level + 1}.model.") for level in range(5)),
            *((rf"^refiner\.ups\.{level}\.", f"s2am.up{level + 1}.model.") for level in range(4)),
            *((rf"^refiner\.attentions\.{level}\.", f"s2am.s2am{level + 2}.") for level in range(3)),
            (r"^(s2am\.s2am\d)\.(background|mixed|spliced)\.", r"\1.\2_attention."),
            (r"^(s2am\.s2am\d)\.conv(\d)\.", r"\1.connection.rconv\2."),
            (r"^(s2am\.s2am\d)\.norm(\d)\.", r"\1.connection.rbn\2."),
            (r"^(s2am\.s2am\d)\.kernel$", r"\1.gaussianMask.weight"),
            (r"^refiner\.last\.", "s2am.im."),
        ],
    ),
    "bvmr": _Public(BVMR, [*_BLOCKS, _ENCODER, *_BRANCHES]),
    "slbr": _Public(
        SLBR,
        [
            # Before the blocks' own names: these are of blocks, not of layers.
            (r"^shared\.up\.", "shared_decoder.up_convs.0."),
            (r"^masks\.(\d)\.up\.", r"masks.\1.upconv."),
            *_BLOCKS,
            _ENCODER,
            (r"^shared\.downs\.", "shared_decoder.down_convs."),
            (r"^shared\.gates\.image\.mix\.", "shared_decoder.up_im_atts.0.conv."),
            (r"^shared\.gates\.mask\.mix\.", "shared_decoder.up_mask_atts.0.conv."),
            (r"^masks\.(\d)\.skip_gate\.mix\.", r"coarse_decoder.atts_mask.\1.conv."),
            (r"^images\.(\d)\.skip_gate\.mix\.", r"coarse_decoder.atts_bg.\1.conv."),
            (r"^images\.(\d)\.gates\.", r"images.\1.conv2."),
            (r"^images\.(\d)\.changes\.", r"images.\1.conv3."),
            (r"^images\.", "coarse_decoder.up_convs_bg."),
            (r"^last\.", "coarse_decoder.conv_final_bg."),
            (r"^masks\.(\d)\.primary\.", r"masks.\1.primary_mask.0."),
            (r"^masks\.(\d)\.unused\.head\.", r"masks.\1.refine_branch.0."),
            (r"^masks\.(\d)\.unused\.weights$", r"masks.\1.self_calibrated.k_weight"),
            (r"\.calibration\.(q|k|v)\w+\.", r".self_calibrated.\1_conv."),
            (r"\.calibration\.score\.", ".self_calibrated.sim_func."),
            (r"\.calibration\.out\.", ".self_calibrated.out_conv."),
            (r"^masks\.", "coarse_decoder.up_convs_mask."),
            (r"^refiner\.first\.", "refinement.conv_in."),
            *((rf"^refiner\.adapters\.{level}\.", f"refinement.dec_conv{level + 2}.") for level in range(3)),
            (r"^refiner\.fusions\.", "refinement.cff_blocks."),
            *((rf"\.downs\.{level}\.", f".down{level + 1}.model.") for level in range(3)),
            (r"\.middle\.", ".conv22."),
            (r"\.deepest\.", ".conv33."),
            (r"\.to_middle\.", ".up32."),
            (r"\.to_largest\.", ".up31."),
            (r"^refiner\.last\.", "refinement.out_conv."),
            (r"^refiner\.", "refinement."),
        ],
    ),
}


def load_public(name: str, state: Mapping[str, Tensor]) -> Remover:
    """A remover with its published weights, in evaluation mode.

    Args:
        name: ``wdnet``, ``splitnet``, ``bvmr`` or ``slbr``.
        state: the published state dict; ``module.``, which several GPUs put before names or, in SLBR's, behind their
            first part, is taken off.

    Raises:
        InputError: there is no such network, or the state dict is another's; names the first keys that are missing, not
            expected, or of another shape.
    """
    if name not in _PUBLIC:
        raise InputError(f"expected a remover of {', '.join(_PUBLIC)}, found {name!r}")
    public = _PUBLIC[name]
    network = public.build()
    theirs = {_renamed(key, public.names): key for key in network.state_dict()}
    given = {re.sub(r"^(\w+\.)?module\.", r"\1", key): value for key, value in state.items()}
    _check(name, {key: network.state_dict()[own].shape for key, own in theirs.items()}, given)
    network.load_state_dict({own: given[key] for key, own in theirs.items()})
    return network.eval()


def _renamed(own: str, names: Sequence[tuple[str, str]]) -> str:
    for pattern, theirs in names:
        own = re.sub(pattern, theirs, own)
    return own


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
