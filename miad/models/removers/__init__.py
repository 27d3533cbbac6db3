"""Networks that remove visible marks: what a mark and its vaccine have to withstand."""

from miad.models.removers.base import Removal, Remover
from miad.models.removers.bvmr import BVMR
from miad.models.removers.losses import FineTuningLoss, RemoverLoss, Truth
from miad.models.removers.public import load_public
from miad.models.removers.registry import REMOVERS, RemoverName, build_remover, remover_loss, remover_name
from miad.models.removers.slbr import SLBR
from miad.models.removers.splitnet import SplitNet
from miad.models.removers.wdnet import WDNet

__all__ = [
    "BVMR",
    "REMOVERS",
    "SLBR",
    "FineTuningLoss",
    "Removal",
    "Remover",
    "RemoverLoss",
    "RemoverName",
    "SplitNet",
    "Truth",
    "WDNet",
    "build_remover",
    "load_public",
    "remover_loss",
    "remover_name",
]
