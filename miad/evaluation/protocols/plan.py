"""What an experiment has, as protocols need to know it: names and grids, no files."""

from collections.abc import Mapping
from dataclasses import dataclass

from miad.evaluation.papers import Paper, alike
from miad.evaluation.protocols.cell import AttackCell
from miad.search import Strategy


@dataclass(frozen=True)
class Plan:
    """Names of what is there, and grids.

    Args:
        paper: whose numbers stand beside ours.
        data: the paper's name of the data set.
        models: names of the classifiers.
        main: the one that parameters, deltas and recovery are shown on.
        ensemble: the members of the paper's ensemble.
        removers: names of the removers.
        searches: names of the searches to compare.
        sweeps: values by parameter.
        logos: names or files.
        estimated: the Grad-CAM mask, for what needs one.
        healthy: class without lesions, for tables that tell them apart; empty for none.
    """

    paper: Paper
    data: str
    models: tuple[str, ...]
    main: str
    ensemble: tuple[str, ...]
    removers: tuple[str, ...]
    searches: tuple[str, ...]
    sweeps: Mapping[str, tuple[float, ...]]
    logos: tuple[str, ...]
    estimated: str
    healthy: str = ""

    def main_attack(self, search: str = "he_sit", **changed: object) -> AttackCell:
        """An attack on the main classifier."""
        return AttackCell(search, (self.main,), **changed)  # type: ignore[arg-type]

    def sweep(self, search: str, strategy: Strategy | None = None, **changed: object) -> AttackCell:
        """One point of a sweep of parameters."""
        return self.main_attack(search, images="sweep", strategy=strategy, **changed)

    def paper_value(
        self, item: str, measure: str, subject: str = "", setting: str = "", *, or_all: bool = False
    ) -> float | None:
        """The paper's number for this data set; None where it has none."""
        return self.paper.value(item, measure, self.data, subject, setting, or_all=or_all)

    def notes(self, item: str) -> str:
        """What the paper's numbers must be read with, as one paragraph."""
        return " ".join(f"{note}." for note in self.paper.notes(item, self.data))

    def is_ensemble(self, sources: tuple[str, ...]) -> bool:
        """Whether these are the members of the paper's ensemble."""
        return {alike(name) for name in sources} == {alike(name) for name in self.ensemble}
