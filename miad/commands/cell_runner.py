"""Computes the cells of an experiment, or reads them where they are finished."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from miad.commands.cells import Cells, cell_run, read_rows
from miad.commands.experiment import Experiment
from miad.commands.finished import is_finished
from miad.commands.lesions import mask_words
from miad.commands.marked_run import open_marked_run
from miad.commands.marking import check_sizes
from miad.commands.recovery_study import recover_attack, recovered_view
from miad.commands.removal_run import carry_out
from miad.commands.run import Run, release
from miad.commands.specimens import Specimens, read_specimens
from miad.data import ImageDataset, choose_images, content_digest, marked_names, spread
from miad.errors import InputError, RunError
from miad.evaluation import OWN, Case, RemovalStudy
from miad.evaluation.protocols import (
    AttackCell,
    AttackFound,
    Cell,
    RecoveryCell,
    RecoveryFound,
    RemovalCell,
    RemovalFound,
    Shown,
)
from miad.imaging import atomic_path, from_tensor, read_image, to_tensor
from miad.keys import open_key
from miad.models import Remover, find_checkpoint, load_remover
from miad.search import Status
from miad.targets import Target, load_target, score_images, weights_digest
from miad.tensors import Pixels, Probabilities
from miad.vaccine import Vaccine

_TIME = "seconds.json"


@dataclass(frozen=True)
class Networks:
    """The networks of an experiment, by the names that it gives them."""

    targets: Mapping[str, Target]
    removers: Mapping[str, Remover]
    digests: Mapping[str, str]
    """Of the weights of both."""


def load_networks(experiment: Experiment) -> Networks:
    """Read all networks.

    Raises:
        InputError: one is missing, or is none; names it.
    """
    targets = {name: _named(load_target(path), name) for name, path in experiment.models.items()}
    removers = {name: load_remover(find_checkpoint(path)) for name, path in experiment.removers.items()}
    return Networks(targets, removers, {name: weights_digest(part) for name, part in (targets | removers).items()})


def _named(target: Target, name: str) -> Target:
    target.name = name
    return target


def _describe(vaccine: Vaccine | None) -> str:
    """What a delta depends on, besides the removers."""
    if vaccine is None:
        return OWN
    options = vaccine.options
    match options.kind:
        case "none":
            return "none"
        case "noise":
            return f"noise of {options.eps}"
    return repr(options)


@dataclass(frozen=True)
class CellRunner:
    """The cells of an experiment with one seed.

    Args:
        experiment: what to compute.
        networks: with what.
        folder: where cells are kept.
        run: how to compute; its seed is the cells'.
        compute: whether to compute what is not there.
    """

    experiment: Experiment
    networks: Networks
    folder: Path
    run: Run
    compute: bool

    def find(self, cell: Cell) -> AttackFound | RemovalFound | RecoveryFound:
        """The result of a cell; computed if it is not there, and if that is wanted.

        Raises:
            MiadError: it can not be computed.
            RunError: it is not there, and is not to be computed.
        """
        if not self.is_finished(cell):
            if not self.compute:
                raise RunError("not computed yet")
            self._compute(cell, self.place(cell).folder)
        match cell:
            case AttackCell():
                return self._read_attack(cell)
            case RemovalCell():
                return self._read_removal(cell)
            case RecoveryCell():
                return self._read_recovery(cell)

    def seconds(self, cell: Cell) -> float | None:
        """How long the call took that finished a cell; None where that is not known."""
        path = self.place(cell).folder / _TIME
        return float(json.loads(path.read_text(encoding="utf-8"))["seconds"]) if path.exists() else None

    def is_finished(self, cell: Cell) -> bool:
        """Whether a cell is there."""
        return is_finished(self.place(cell).folder)

    def place(self, cell: Cell) -> Run:
        """The run that makes a cell."""
        if cell not in self._places:
            self._places[cell] = self._find_place(cell)
        return self._places[cell]

    @cached_property
    def _places(self) -> dict[Cell, Run]:
        return {}

    def _find_place(self, cell: Cell) -> Run:
        if isinstance(cell, AttackCell):
            return self._cells(cell).place(cell.search, self._sources(cell), cell.strategy)
        config: dict[str, object] = {"attack": self.place(cell.attack).folder.name, "seed": self.run.seed}
        config |= {"pictures": self.experiment.sizes.pictures}
        if isinstance(cell, RecoveryCell):
            return cell_run(self.run, self.folder, f"recovery-{'+'.join(cell.attack.sources)}", config)
        config |= {
            "vaccine": _describe(self._vaccine(cell)),
            "made_on": list(cell.made_on),
            "order": cell.order,
            "limit": self.experiment.sizes.removal,
            "removers": {name: self.networks.digests[name] for name in self.networks.removers},
        }
        name = "-".join(["removal", *cell.attack.sources, cell.vaccine, *cell.made_on, cell.order])
        return cell_run(self.run, self.folder, name, config)

    def _compute(self, cell: Cell, folder: Path) -> None:
        start = time.perf_counter()
        try:
            match cell:
                case AttackCell():
                    self._cells(cell).mark(cell.search, self._sources(cell), cell.strategy)
                case RemovalCell():
                    self._remove(cell)
                case RecoveryCell():
                    self._recover(cell)
        finally:
            release(folder)
        spent = {"seconds": time.perf_counter() - start, "made": datetime.now(UTC).isoformat(timespec="seconds")}
        with atomic_path(folder / _TIME) as draft:
            draft.write_text(json.dumps(spent) + "\n", encoding="utf-8")

    def _remove(self, cell: RemovalCell) -> None:
        dataset, sizes = self._dataset(cell.attack), self.experiment.sizes
        marks = open_marked_run(self._attack_folder(cell.attack), cell.attack.logo or self.experiment.mark.logo)
        chosen = spread(marks.subjects(dataset, {Status.SUCCESS}), sizes.removal)
        study = RemovalStudy(
            cases=self._case(cell),
            removers=self.networks.removers,
            adversaries=[],
            targets=self._sources(cell.attack),
            marker=marks.marker,
            seed=self.run.seed,
        )
        run, batch = self.place(cell), self.experiment.removal_batch_size
        carry_out(
            study, marks, self.experiment.data, dataset, chosen, run, batch, spread(chosen, sizes.pictures), Specimens
        )

    def _case(self, cell: RemovalCell) -> dict[Case, Vaccine | None]:
        vaccine = self._vaccine(cell)
        family = "free" if vaccine is None or cell.vaccine == "none" else vaccine.options.family
        return {Case(cell.vaccine, "+".join(cell.made_on), cell.order, family): vaccine}

    def _vaccine(self, cell: RemovalCell) -> Vaccine | None:
        """None for the attack's own."""
        if cell.vaccine == OWN:
            return None
        # What is marked already needs no mark to be made against.
        host = "clean" if cell.order == "after" else self.experiment.vaccine.host
        options = replace(self.experiment.vaccine, kind=cell.vaccine, host=host)
        return Vaccine(options, [self.networks.removers[name] for name in cell.made_on])

    def _recover(self, cell: RecoveryCell) -> None:
        (target,), dataset = self._sources(cell.attack), self._dataset(cell.attack)
        attack, pictures = self._attack_folder(cell.attack), self.experiment.sizes.pictures
        recover_attack(attack, dataset, target, self.place(cell), pictures)

    def _attack_folder(self, cell: AttackCell) -> Path:
        """Of a finished attack.

        Raises:
            RunError: it is not finished.
        """
        folder = self.place(cell).folder
        if not is_finished(folder):
            raise RunError(f"its attack is missing: {cell.title}")
        return folder

    def _sources(self, cell: AttackCell) -> list[Target]:
        return [self.networks.targets[name].to(self.run.device) for name in cell.sources]

    def _dataset(self, cell: AttackCell) -> ImageDataset:
        return self._images(cell)[0]

    def _images(self, cell: AttackCell) -> tuple[ImageDataset, str]:
        """The images of a cell, and their digest."""
        if cell.images not in self._chosen:
            own = self.experiment
            count = own.sizes.per_class if cell.images == "all" else own.sizes.sweep_per_class
            dataset = choose_images(own.data, own.split, count, self.run.seed)
            self._chosen[cell.images] = dataset, content_digest(dataset)
        return self._chosen[cell.images]

    @cached_property
    def _chosen(self) -> dict[str, tuple[ImageDataset, str]]:
        return {}

    @cached_property
    def _kept(self) -> dict[AttackCell, Cells]:
        return {}

    def _cells(self, cell: AttackCell) -> Cells:
        """What makes an attack, and all others whose marks look alike."""
        mask = cell.mask or self.experiment.mark.mask
        sources = cell.sources if "gradcam" in mask_words(mask) else ()
        alike = replace(cell, search="", strategy=None, sources=sources)
        if alike not in self._kept:
            self._kept[alike] = self._make_cells(cell)
        return self._kept[alike]

    def _make_cells(self, cell: AttackCell) -> Cells:
        own, (dataset, content) = self.experiment, self._images(cell)
        look = own.mark.of(cell, self.networks.removers, own.vaccine)
        if "gradcam" in mask_words(look.mask) and len(cell.sources) > 1:
            raise InputError("expected a mask of gradcam:FOLDER, found gradcam; name the classifier that looks")
        check_sizes(dataset, look.options)
        lesions = look.finder(own.data, self._sources(cell), own.batch_size)
        return Cells(
            self.folder,
            self.run,
            own.data,
            dataset,
            content,
            self.networks.digests,
            look,
            lesions,
            own.success,
            own.stop,
            own.images,
            own.batch_size,
        )

    def _read_attack(self, cell: AttackCell) -> AttackFound:
        cells, targets = self._cells(cell), [*self.networks.targets.values()]
        judged = cells.judge("+".join(cell.sources), cell.search, self._sources(cell), targets, cell.strategy)
        reader = self._reader(cell)
        folder = self.place(cell).folder
        fooled = (judged.fooled() & judged.read(reader)).nonzero().flatten().tolist()
        shown: list[Shown] = []
        for index in spread(fooled, self.experiment.sizes.pictures):
            shown += self._pair(folder, cells.dataset, index, judged.before[reader], judged.after[reader])
        picture = folder / "lesions.png"
        drawn = picture.read_bytes() if self.experiment.sizes.pictures and picture.exists() else b""
        measures = {row["measure"]: row["value"] for row in read_rows(folder / "metrics.csv")}
        learned = int(float(measures["learning_queries"]))
        return AttackFound(judged, tuple(self.experiment.data.classes), shown, drawn, learned)

    def _reader(self, cell: AttackCell) -> str:
        """Who reads the pictures: one that was left out, if any was, and else the one that was searched on."""
        others = [name for name in self.networks.targets if name not in cell.sources]
        return others[0] if len(cell.sources) > 1 and others else cell.sources[0]

    def _pair(
        self, folder: Path, dataset: ImageDataset, index: int, before: Probabilities, after: Probabilities
    ) -> list[Shown]:
        item, name = dataset[index], marked_names(dataset)[dataset.ids[index]]
        pictures = {"original": from_tensor(item.image, grey=item.grey), "marked": read_image(folder / "marked" / name)}
        scores = {"original": before[index], "marked": after[index]}
        return [self._shown(item.id, kind, pixels, item.label, scores[kind]) for kind, pixels in pictures.items()]

    def _shown(self, image: str, kind: str, pixels: Pixels, label: int, scores: Probabilities | None) -> Shown:
        classes = self.experiment.data.classes
        if scores is None:
            return Shown(image, kind, pixels, classes[label], "", 0.0)
        best = int(scores.argmax())
        return Shown(image, kind, pixels, classes[label], classes[best], float(scores[best]))

    def _read_removal(self, cell: RemovalCell) -> RemovalFound:
        folder, dataset = self.place(cell).folder, self._dataset(cell.attack)
        shown: list[Shown] = []
        with open_key(next(self._attack_folder(cell.attack).glob("*.miadkey"))) as key:
            for index, pictures in self._specimens(folder, dataset):
                marked = self._attack_folder(cell.attack) / "marked" / marked_names(dataset)[dataset.ids[index]]
                pictures["recovered"] = recovered_view(key, marked)
                shown += self._judge(dataset, index, pictures, cell.attack)
        return RemovalFound(read_rows(folder / "removal.csv"), shown)

    def _read_recovery(self, cell: RecoveryCell) -> RecoveryFound:
        folder, dataset = self.place(cell).folder, self._dataset(cell.attack)
        shown: list[Shown] = []
        for index, pictures in self._specimens(folder, dataset):
            shown += self._judge(dataset, index, pictures, cell.attack)
        return RecoveryFound(read_rows(folder / "recovery.csv"), shown)

    def _specimens(self, folder: Path, dataset: ImageDataset) -> Iterator[tuple[int, dict[str, Pixels]]]:
        """Indices of the images that a cell keeps pictures of, and the pictures by kind."""
        names = marked_names(dataset)
        for index, id_ in enumerate(dataset.ids):
            if pictures := dict(read_specimens((folder / "pictures" / names[id_]).with_suffix(""))):
                yield index, pictures

    def _judge(
        self, dataset: ImageDataset, index: int, pictures: Mapping[str, Pixels], attack: AttackCell
    ) -> Iterator[Shown]:
        """Pictures with what the attack's source says of them; masks and deltas are not asked about."""
        item, (source,) = dataset[index], self._sources(attack)
        read = [kind for kind in pictures if not kind.endswith(": mask") and not kind.startswith("delta")]
        scores = dict(zip(read, score_images(source, (to_tensor(pictures[kind]) for kind in read)), strict=True))
        for kind, pixels in pictures.items():
            yield self._shown(item.id, kind, pixels, item.label, scores.get(kind))
            if kind == "original" and item.lesion is not None:
                lesion = (255 * item.lesion.numpy()).astype("uint8")
                yield self._shown(item.id, "lesion", lesion, item.label, None)
