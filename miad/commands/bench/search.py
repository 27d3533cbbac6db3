"""``miad bench search``: how fast the engine searches, against the bare forward pass and against one by one."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from miad.commands.bench.bare_forward import WAYS, working_ways
from miad.commands.bench.engine_speed import EngineBench, EngineSpeed, engine_mark, engine_targets, measure_engine
from miad.commands.bench.json_file import write_json
from miad.commands.bench.memory import show_memory
from miad.commands.run import Run
from miad.commands.show import show_table
from miad.data import ImageDataModule, Split, choose_images
from miad.errors import check_at_least
from miad.search import HE_SIT, Strategy
from miad.targets import Ensemble
from miad.tasks import AttackTask


@dataclass(frozen=True)
class SearchSpeed(EngineSpeed):
    """The engine's speed, and how fast the bare forward pass would be in other ways."""

    ways: dict[str, float | None]
    """Images a second of the bare forward pass, by the way it is computed; None where that does not work here."""
    ways_of_forward: dict[str, float | None]
    """Of them the ratio over ``forward``."""


def search(
    data: ImageDataModule,
    sources: str,
    search: Strategy = HE_SIT,
    split: Split = "test",
    per_class: int | None = None,
    batch_size: int = 64,
    repeats: int = 3,
    seed: int = 2023,
    precisions: bool = False,
    json: Path | None = None,
    **mark: Any,  # noqa: ANN401  (the options of mark_options)
) -> None:
    """Measure how fast the engine searches.

    Searches all images at once, with and without dropping candidates early, runs the sources' bare forward pass over as
    many images at the same batch size, and scores some candidates one by one as public code does, by turns; prints
    candidates a second and their ratios. Ratios hold for this machine.

    Args:
        data: images and labels.
        sources: classifiers to search on, as an ensemble: folders of 'miad fit classifier' or checkpoints, separated by
            commas.
        search: as of 'miad attack', but one that learns nothing.
        split: which images; test means val where there are no test images.
        per_class: only this many images of every class, drawn by the seed.
        batch_size: candidates a forward pass.
        repeats: turns.
        seed: of everything random.
        precisions: time the bare forward pass with channels first, in bfloat16 and compiled as well; compiling takes
            minutes.
        json: file to write the numbers to as well.
        mark: how the mark may look, see `mark_options`.

    Raises:
        InputError: the search learns, there is a vaccine, or no image is read correctly by every source.
    """
    check_at_least(1, batch_size=batch_size, repeats=repeats)
    look = engine_mark(search, **mark)
    targets = engine_targets(data, sources)
    dataset = choose_images(data, split, per_class, seed)
    task = AttackTask(Ensemble(targets), [], search, look.options, look.finder(data, targets, batch_size), seed=seed)
    task.to(Run("bench").device)
    items = [dataset[index] for index in range(len(dataset))]
    speed = _measure(EngineBench.of(task, items, batch_size), repeats, precisions=precisions)
    _show(speed, f"{len(items)} images, {len(targets)} sources, batches of {batch_size}, medians of {repeats}")
    write_json(json, speed)


def _measure(bench: EngineBench, repeats: int, *, precisions: bool) -> SearchSpeed:
    def attempt(network: nn.Module) -> None:
        bench.forward(bench.batch_size, network)

    def more() -> dict[str, nn.Module]:
        return working_ways(bench.task.sources, attempt) if precisions else {}

    speed, rates = measure_engine(bench, repeats, more)
    names = list(WAYS) if precisions else []
    return SearchSpeed(
        **vars(speed),
        ways={name: rates.rate(name) if name in rates.names else None for name in names},
        ways_of_forward={name: rates.ratio(name, "forward") if name in rates.names else None for name in names},
    )


def _show(speed: SearchSpeed, title: str) -> None:
    rows = [
        ("bare forward pass", f"{speed.forward:.1f}", "1.00"),
        ("engine", f"{speed.engine:.1f}", f"{speed.engine_of_forward:.2f}"),
        ("engine, dropping early", f"{speed.pruned:.1f}", f"{speed.pruned_of_forward:.2f}"),
        ("one by one", f"{speed.one_by_one:.1f}", f"{speed.one_by_one_of_forward:.2f}"),
        *(
            (f"bare, {name}", _number(rate, 1), _number(speed.ways_of_forward[name], 2))
            for name, rate in speed.ways.items()
        ),
    ]
    memory = f"{show_memory(speed.memory)} MiB ({speed.memory_of})"
    title += f"; {speed.candidates} candidates, batches {speed.filled:.0%} full, {memory}"
    show_table(title, ("", "candidates/s", "of bare"), rows)


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
