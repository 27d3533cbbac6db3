"""Networks that remove visible marks: what a mark and its vaccine have to withstand."""

from miad.models.removers.base import Removal, Remover
from miad.models.removers.public import load_public
from miad.models.removers.splitnet import SplitNet
from miad.models.removers.wdnet import WDNet

__all__ = ["Removal", "Remover", "SplitNet", "WDNet", "load_public"]
