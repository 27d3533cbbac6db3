"""Cells: the pieces of work that tables and figures are made of.

A cell says what is to be done in names only; what it is done with (images, weights, options) is the experiment's. Equal
cells are one cell, whichever protocols ask for it.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from miad.lesions import Place
from miad.search import SEARCHES, Strategy
from miad.vaccine import VaccineName

Images: TypeAlias = Literal["all", "sweep"]
"""The experiment's images, or the fewer of its sweeps of parameters."""
Order: TypeAlias = Literal["before", "after"]
"""Whether delta is added before the mark or after it."""


@dataclass(frozen=True)
class AttackCell:
    """A search on some sources. What is None is as the experiment has it.

    Args:
        search: how tables call it.
        sources: names of the classifiers searched on, in alphabetical order.
        images: which images.
        strategy: the search itself, where it is not the one that `SEARCHES` has by this name.
        scale: of the logo.
        threshold: from which a Grad-CAM heatmap counts as lesion, 0..255.
        logo: name or file.
        place: where the mark may stand.
        mask: where the lesions are.
        vaccine: the delta that images get before they are marked.
        made_on: names of the removers that it is made on.
    """

    search: str
    sources: tuple[str, ...]
    images: Images = "all"
    strategy: Strategy | None = None
    scale: float | None = None
    threshold: int | None = None
    logo: str | None = None
    place: Place | None = None
    mask: str | None = None
    vaccine: VaccineName = "none"
    made_on: tuple[str, ...] = ()

    @property
    def searched_by(self) -> Strategy:
        """The search."""
        return self.strategy or SEARCHES[self.search]

    @property
    def title(self) -> str:
        """One line for lists and messages."""
        changed = (f"{name} {getattr(self, name)}" for name in ("scale", "threshold", "logo", "place", "mask"))
        words = [word for word in changed if not word.endswith(" None")]
        words += [] if self.strategy is None else [str(self.strategy)]
        words += [] if self.vaccine == "none" else [f"{self.vaccine} of {'+'.join(self.made_on) or 'none'}"]
        return ", ".join([f"attack: {self.search} on {'+'.join(self.sources)}", *words])


@dataclass(frozen=True)
class RemovalCell:
    """Every remover takes the marks of an attack off images with one delta.

    Args:
        attack: whose marks, those that succeeded.
        vaccine: the delta; ``own`` is the attack's.
        made_on: names of the removers that it is made on.
        order: whether delta is added before the mark or after it.
    """

    attack: AttackCell
    vaccine: VaccineName | Literal["own"] = "none"
    made_on: tuple[str, ...] = ()
    order: Order = "before"

    @property
    def title(self) -> str:
        """One line for lists and messages."""
        if self.vaccine == "own":
            return f"removal; {self.attack.title}"
        delta = " of ".join(filter(None, (self.vaccine, "+".join(self.made_on))))
        return f"removal with {delta} {self.order} the mark; {self.attack.title}"


@dataclass(frozen=True)
class RecoveryCell:
    """The marks of an attack are undone with its key.

    Args:
        attack: with or without delta.
    """

    attack: AttackCell

    @property
    def title(self) -> str:
        """One line for lists and messages."""
        return f"recovery; {self.attack.title}"


Cell: TypeAlias = AttackCell | RemovalCell | RecoveryCell
