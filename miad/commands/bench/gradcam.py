"""``miad bench gradcam``: how fast heatmaps are made, against the bare forward pass and against one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from miad.commands.bench.json_file import write_json
from miad.commands.bench.memory import memory_kind, most_memory, show_memory
from miad.commands.bench.timing import Work, take_turns
from miad.commands.marking import load_targets
from miad.commands.run import Run
from miad.commands.show import show_table
from miad.errors import InputError, check_at_least
from miad.lesions import GradCam
from miad.models import Classifier
from miad.targets import Target
from miad.tensors import Images, Labels


@dataclass(frozen=True)
class GradCamSpeed:
    """Images a second of one classifier, medians; ratios are medians of the turns' own."""

    model: str
    layer: str
    """Whose output the heatmaps weigh."""
    size: int
    """Side of the images in pixels."""
    forward: float
    """The bare forward pass, a batch at a time, without gradients."""
    batched: float
    """Heatmaps, a batch at a time."""
    one_by_one: float
    """Heatmaps, an image at a time."""
    batched_of_forward: float
    one_by_one_of_forward: float
    batched_of_one_by_one: float
    memory: float | None
    """Most memory while a batch's heatmaps were made, in MiB."""
    memory_forward: float | None
    """The same of the bare forward pass."""


@dataclass(frozen=True)
class GradCamSpeeds:
    """Of several classifiers."""

    batch_size: int
    memory_of: str
    """What the memory is of: see `memory_kind`."""
    models: list[GradCamSpeed]


def gradcam(
    models: str,
    size: int | None = None,
    batch_size: int = 32,
    layer: str | None = None,
    channels: float = 1.0,
    repeats: int = 5,
    seed: int = 2023,
    json: Path | None = None,
) -> None:
    """Measure how fast Grad-CAM makes heatmaps.

    Makes heatmaps of random images a batch at a time and an image at a time, and runs the same classifier forward over
    the same batch, by turns; prints images a second, their ratios, and the most memory of each classifier. Ratios hold
    for this machine.

    Args:
        models: convolutional classifiers: folders of 'miad fit classifier' or checkpoints, separated by commas.
        size: side of the images in pixels; by default the one that each classifier reads.
        batch_size: images at once.
        layer: whose output is weighed; by default each backbone's last feature map.
        channels: share of its channels that are summed, the strongest.
        repeats: turns.
        seed: of the images.
        json: file to write the numbers to as well.

    Raises:
        InputError: there is no classifier, or one has no feature map of rows and columns.
    """
    check_at_least(1, batch_size=batch_size, repeats=repeats, **({} if size is None else {"size": size}))
    check_at_least(0, seed=seed)
    targets = load_targets(models)
    if not targets:
        raise InputError("expected one or more classifiers, found none; give --models")
    device = Run("bench").device
    heatmaps = [_heatmap(target, layer, channels) for target in targets]  # all are checked before one is timed
    speeds = []
    for target, heatmap in zip(targets, heatmaps, strict=True):
        target.to(device)
        images, labels = _draw(size or target.size, batch_size, len(target.classes), seed, device)
        speeds.append(_speed(target, heatmap, images, labels, repeats))
        target.to("cpu")
    found = GradCamSpeeds(batch_size, memory_kind(device), speeds)
    _show(found, f"batches of {batch_size}, medians of {repeats}")
    write_json(json, found)


def _heatmap(target: Target, layer: str | None, channels: float) -> GradCam:
    assert isinstance(target.network, Classifier)
    return GradCam(target.network, layer, channels)


def _draw(size: int, count: int, classes: int, seed: int, device: torch.device) -> tuple[Images, Labels]:
    generator = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, 3, size, size), dtype=torch.uint8, generator=generator)
    return images.to(device), torch.randint(classes, (count,), generator=generator).to(device)


def _speed(target: Target, heatmap: GradCam, images: Images, labels: Labels, repeats: int) -> GradCamSpeed:
    @torch.no_grad()
    def forward() -> None:
        target(images).sum().item()  # waits for the device

    def batched() -> None:
        heatmap(images, labels).heat.sum().item()

    def one_by_one() -> None:
        for index in range(len(images)):
            heatmap(images[index : index + 1], labels[index : index + 1]).heat.sum().item()

    works = {"forward": forward, "batched": batched, "one_by_one": one_by_one}
    rates = take_turns({name: Work(len(images), work) for name, work in works.items()}, repeats)
    return GradCamSpeed(
        model=target.name,
        layer=heatmap.layer,
        size=images.shape[-1],
        forward=rates.rate("forward"),
        batched=rates.rate("batched"),
        one_by_one=rates.rate("one_by_one"),
        batched_of_forward=rates.ratio("batched", "forward"),
        one_by_one_of_forward=rates.ratio("one_by_one", "forward"),
        batched_of_one_by_one=rates.ratio("batched", "one_by_one"),
        memory=most_memory(batched, images.device),
        memory_forward=most_memory(forward, images.device),
    )


def _show(speeds: GradCamSpeeds, title: str) -> None:
    rows = [row for speed in speeds.models for row in _rows(speed)]
    title += f"; memory of the {speeds.memory_of}"
    show_table(title, ("", "images/s", "of bare", "of one by one", "peak MiB"), rows)


def _rows(speed: GradCamSpeed) -> Sequence[tuple[str, ...]]:
    return [
        (
            f"{speed.model} {speed.size}x{speed.size}, bare forward pass",
            f"{speed.forward:.1f}",
            "1.00",
            "",
            show_memory(speed.memory_forward),
        ),
        (
            f"{speed.model}, Grad-CAM",
            f"{speed.batched:.1f}",
            f"{speed.batched_of_forward:.2f}",
            f"{speed.batched_of_one_by_one:.2f}",
            show_memory(speed.memory),
        ),
        (
            f"{speed.model}, Grad-CAM one by one",
            f"{speed.one_by_one:.1f}",
            f"{speed.one_by_one_of_forward:.2f}",
            "1.00",
            "",
        ),
    ]
