"""The papers' tables and figures: which cells each needs, and how it is made of them, beside the paper's numbers."""

from miad.evaluation.protocols.cell import AttackCell, Cell, RecoveryCell, RemovalCell
from miad.evaluation.protocols.found import AttackFound, Findings, Missing, RecoveryFound, RemovalFound, Shown
from miad.evaluation.protocols.gallery import gallery
from miad.evaluation.protocols.pictures import by_image, picture_figure
from miad.evaluation.protocols.plan import Plan
from miad.evaluation.protocols.protocol import Protocol, over_seeds
from miad.evaluation.protocols.registry import choose_protocols, protocols_of
from miad.evaluation.protocols.sweeps import DEFAULT_SWEEPS

__all__ = [
    "DEFAULT_SWEEPS",
    "AttackCell",
    "AttackFound",
    "Cell",
    "Findings",
    "Missing",
    "Plan",
    "Protocol",
    "RecoveryCell",
    "RecoveryFound",
    "RemovalCell",
    "RemovalFound",
    "Shown",
    "by_image",
    "choose_protocols",
    "gallery",
    "over_seeds",
    "picture_figure",
    "protocols_of",
]
