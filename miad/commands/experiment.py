"""An experiment file: what to compute a paper's tables and figures with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

from miad.commands.lesions import DEFAULT_LESIONS, LesionOptions
from miad.commands.marking import Mark
from miad.commands.vaccines import DEFAULT_VACCINE, marker_of
from miad.data import ImageDataModule, Split
from miad.errors import InputError, check_at_least
from miad.evaluation.papers import PaperName, alike, read_paper
from miad.evaluation.protocols import DEFAULT_SWEEPS, AttackCell, Plan
from miad.models import Remover
from miad.search import FIRST_SUCCESS, SEARCHES, Stop
from miad.targets import Success
from miad.tasks import MarkOptions, Protection
from miad.vaccine import Vaccine, VaccineOptions
from miad.watermark import AlphaMode, check_opacities, load_logo


@dataclass(frozen=True)
class MarkSettings:
    """How the mark may look, and where it may stand; the options of 'miad attack'.

    Args:
        logo: emblem, wordmark, crest, or a picture file.
        scale: 1 is the largest logo that fits, 2 half as wide and high.
        alpha_min: lowest opacity of 255.
        alpha_max: highest opacity of 255.
        alpha_mode: hard edges, or the logo's own soft ones.
        mask: where the lesions are: given, gradcam:FOLDER, segmenter:FOLDER; several joined by +.
        lesions: how masks are made and what is kept free around them.
    """

    logo: str = "emblem"
    scale: float = 2.0
    alpha_min: int = 100
    alpha_max: int = 220
    alpha_mode: AlphaMode = "binary"
    mask: str = "given"
    lesions: LesionOptions = DEFAULT_LESIONS

    def __post_init__(self) -> None:
        """Refuse at once what every cell would.

        Raises:
            InputError: the opacities are out of order or range.
        """
        check_opacities(self.alpha_min, self.alpha_max)

    def of(self, cell: AttackCell, removers: Mapping[str, Remover], vaccine: VaccineOptions) -> Mark:
        """The mark of a cell, whose own settings come first.

        Raises:
            InputError: an option is out of its range, or there is no such logo.
        """
        threshold = self.lesions.threshold if cell.threshold is None else cell.threshold
        lesions = replace(self.lesions, threshold=threshold)
        scale = self.scale if cell.scale is None else cell.scale
        room, alpha = lesions.room(cell.place or "outside"), (self.alpha_min, self.alpha_max)
        options = MarkOptions(load_logo(cell.logo or self.logo), scale, alpha, self.alpha_mode, room)
        return Mark(options, cell.mask or self.mask, lesions, _protection(cell, options, removers, vaccine))


def _protection(
    cell: AttackCell, options: MarkOptions, removers: Mapping[str, Remover], vaccine: VaccineOptions
) -> Protection | None:
    if cell.vaccine == "none":
        return None
    made = Vaccine(replace(vaccine, kind=cell.vaccine), [removers[name] for name in cell.made_on])
    return Protection(made, marker=marker_of(options) if vaccine.host == "marked" else None)


@dataclass(frozen=True)
class Sizes:
    """How much is computed.

    Args:
        per_class: images of every class to mark; null marks all.
        sweep_per_class: the same for one point of a sweep of parameters, and for logos.
        removal: images of a removal, at most; null takes all whose marks succeeded.
        pictures: images to show.
        seeds: every cell is computed with each, and tables show the means.
    """

    per_class: int | None = None
    sweep_per_class: int | None = None
    removal: int | None = None
    pictures: int = 3
    seeds: list[int] = field(default_factory=lambda: [2023])

    def __post_init__(self) -> None:
        """Refuse what nothing can be computed with.

        Raises:
            InputError: a size is out of its range.
        """
        given = {name: getattr(self, name) for name in ("per_class", "sweep_per_class", "removal")}
        check_at_least(1, **{name: value for name, value in given.items() if value is not None})
        check_at_least(0, pictures=self.pictures)
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise InputError(f"expected one or more seeds, each once, found {self.seeds}")


@dataclass(frozen=True)
class Experiment:
    """What to compute a paper's tables and figures with.

    Args:
        name: of the report's folder.
        paper: miad or medlocker: whose tables and figures.
        data: images and labels, of the size that the classifiers read.
        models: classifiers by name: folders of 'miad fit classifier' or checkpoints. The paper's own names (ResNet50)
            put its numbers beside ours.
        dataset: the paper's name of the data set (BTMRI), whose numbers stand beside ours; empty for none.
        main: the model that parameters, deltas and recovery are shown on; the first by default.
        ensemble: names of the models that are searched on at once.
        removers: removers by name, likewise.
        protocols: figures and tables (fig2, table1); all of the paper by default.
        searches: searches to compare.
        mark: how the mark may look.
        estimated: the Grad-CAM mask of figures that need one; by default that of mark, or of the main model.
        healthy: the class without lesions.
        vaccine: how delta is made; its kind is not used.
        logos: logos to compare: emblem, wordmark, crest, or picture files.
        sweeps: values by figure and parameter (fig6a/scale); others are as by default.
        sizes: how much is computed.
        success: when an image counts as misread, as in 'miad attack'.
        stop: when an image's search ends.
        split: which images; test means val where there are no test images.
        images: images in flight.
        batch_size: candidates a forward pass.
        removal_batch_size: images a batch of a removal.
    """

    name: str
    paper: PaperName
    data: ImageDataModule
    models: dict[str, Path]
    dataset: str = ""
    main: str = ""
    ensemble: list[str] = field(default_factory=list)
    removers: dict[str, Path] = field(default_factory=dict)
    protocols: list[str] = field(default_factory=list)
    searches: list[str] = field(default_factory=lambda: ["random", "he", "he_sit", "learned"])
    mark: MarkSettings = field(default_factory=MarkSettings)
    estimated: str = ""
    healthy: str = ""
    vaccine: VaccineOptions = DEFAULT_VACCINE
    logos: list[str] = field(default_factory=lambda: ["emblem", "wordmark", "crest"])
    sweeps: dict[str, list[float]] = field(default_factory=dict)
    sizes: Sizes = field(default_factory=Sizes)
    success: Success = "mean"
    stop: Stop = FIRST_SUCCESS
    split: Split = "test"
    images: int = 32
    batch_size: int = 64
    removal_batch_size: int = 8

    def __post_init__(self) -> None:
        """Refuse names that are not there.

        Raises:
            InputError: a name is wrong; names the nearest.
        """
        if not self.name or Path(self.name).name != self.name:
            raise InputError(f"expected a plain name for the experiment, found {self.name!r}")
        if not self.models:
            raise InputError("expected one or more models, found none")
        for name in (*self.models, *self.removers):
            if not name or Path(name).name != name or set(name) & {"+", ","}:
                raise InputError(f"expected names of models and removers without / + and , found {name!r}")
        if both := self.models.keys() & self.removers.keys():
            raise InputError(f"expected different names for models and removers, found {min(both)} in both")
        for option, words, known in (
            ("main", [self.main] if self.main else [], self.models),
            ("ensemble", self.ensemble, self.models),
            ("searches", self.searches, SEARCHES),
            ("sweeps", list(self.sweeps), DEFAULT_SWEEPS),
            ("healthy", [self.healthy] if self.healthy else [], self.data.classes),
        ):
            check_known(option, words, list(known))
        if self.dataset:
            sets = dict.fromkeys(number.data for number in read_paper(self.paper).numbers)
            check_known("dataset", [self.dataset], [name for name in sets if name != "all"])
        check_at_least(1, images=self.images, batch_size=self.batch_size, removal_batch_size=self.removal_batch_size)

    @property
    def plan(self) -> Plan:
        """What protocols need to know."""
        main = self.main or next(iter(self.models))
        gradcam = self.mark.mask if "gradcam" in self.mark.mask else f"gradcam:{self.models[main]}"
        return Plan(
            paper=read_paper(self.paper),
            data=self.dataset,
            models=tuple(self.models),
            main=main,
            ensemble=tuple(self.ensemble),
            removers=tuple(self.removers),
            searches=tuple(self.searches),
            sweeps={**DEFAULT_SWEEPS, **{name: tuple(values) for name, values in self.sweeps.items()}},
            logos=tuple(self.logos),
            estimated=self.estimated or gradcam,
            healthy=self.healthy,
        )

    def settings(self) -> dict[str, str]:
        """Settings for the report, by name."""
        return {
            "paper": read_paper(self.paper).title,
            "data": f"{self.dataset or type(self.data).__name__}, {self.split} images, size {self.data.size or 'own'}",
            "models": ", ".join(self.models),
            "removers": ", ".join(self.removers) or "none",
            "mark": f"{self.mark.logo}, scale {self.mark.scale:g}, opacity {self.mark.alpha_min} to "
            f"{self.mark.alpha_max} of 255, lesions: {self.mark.mask.partition(':')[0]}",
            "delta": f"at most {self.vaccine.eps} levels, {self.vaccine.steps} steps of {self.vaccine.step:g}",
            "images of every class": _count(self.sizes.per_class),
            "images of every class in sweeps": _count(self.sizes.sweep_per_class),
            "images of a removal": _count(self.sizes.removal),
            "seeds": ", ".join(map(str, self.sizes.seeds)),
        }


def _count(size: int | None) -> str:
    return "all" if size is None else str(size)


def check_known(option: str, words: Sequence[str], known: Sequence[str]) -> None:
    """Every word is known.

    Raises:
        InputError: one is not; names the nearest.
    """
    for word in words:
        if word not in known:
            spelt = {alike(name): name for name in known}
            close = get_close_matches(alike(word), spelt, n=1, cutoff=0)
            raise InputError(
                f"expected {option} of {', '.join(known)}, found {word!r}; did you mean {spelt[close[0]]}?"
            )
