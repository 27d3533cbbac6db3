"""``miad bench delta``: how fast deltas are made, against the removers' bare forward and backward pass."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from miad.commands.bench.json_file import write_json
from miad.commands.bench.timing import Work, take_turns
from miad.commands.run import Run
from miad.commands.show import show_table
from miad.commands.vaccines import DEFAULT_VACCINE, load_removers
from miad.errors import InputError, check_at_least
from miad.models import Remover
from miad.tensors import Images, to_unit
from miad.vaccine import Vaccine, VaccineOptions


@dataclass(frozen=True)
class DeltaSpeed:
    """Images times steps a second on one remover, medians; the ratio is the median of the turns' own."""

    remover: str
    bare: float
    """Forward and backward passes."""
    delta: float
    """Steps of the vaccine."""
    delta_of_bare: float


@dataclass(frozen=True)
class DeltaSpeeds:
    """On several removers."""

    kind: str
    """Of vaccine."""
    steps: int
    batch_size: int
    size: int
    """Side of the images in pixels."""
    removers: list[DeltaSpeed]


def delta(
    removers: str,
    vaccine: VaccineOptions = DEFAULT_VACCINE,
    size: int = 224,
    batch_size: int = 8,
    repeats: int = 5,
    json: Path | None = None,
) -> None:
    """Measure how fast deltas are made.

    Makes deltas for random images on each remover, and runs the remover forward and backward as often at the same batch
    size, by turns; prints images a second of both for one step, and the median of their ratios. Ratios hold for this
    machine.

    Args:
        removers: folders of 'miad fit remover' or checkpoints, separated by commas.
        vaccine: how delta is made; its family is not used, as a step costs the same in each.
        size: side of the images in pixels.
        batch_size: images at once.
        repeats: turns.
        json: file to write the numbers to as well.

    Raises:
        InputError: there is no remover, or the vaccine asks none.
    """
    check_at_least(1, size=size, batch_size=batch_size, repeats=repeats)
    networks = load_removers(removers)
    if not networks or not vaccine.optimised:
        raise InputError(f"expected removers, and delta_d or delta_i, found {len(networks)} and {vaccine.kind}")
    device = Run("bench").device
    images = torch.randint(0, 256, (batch_size, 3, size, size), dtype=torch.uint8, device=device)
    speeds = [_speed(name, network.to(device), images, vaccine, repeats) for name, network in networks.items()]
    found = DeltaSpeeds(vaccine.kind, vaccine.steps, batch_size, size, speeds)
    _show(found, repeats)
    write_json(json, found)


def _speed(name: str, network: Remover, images: Images, options: VaccineOptions, repeats: int) -> DeltaSpeed:
    steps = len(images) * options.steps
    network.requires_grad_(False)
    vaccine = Vaccine(replace(options, family="free"), [network])
    generators = [torch.Generator() for _ in images]
    works = {
        "bare": Work(steps, lambda: _passes(network, images, options.steps)),
        "delta": Work(steps, lambda: vaccine(images, generators)),
    }
    rates = take_turns(works, repeats)
    return DeltaSpeed(name, rates.rate("bare"), rates.rate("delta"), rates.ratio("delta", "bare"))


def _show(speeds: DeltaSpeeds, repeats: int) -> None:
    images = f"{speeds.batch_size} images of {speeds.size}x{speeds.size}"
    rows = [(one.remover, f"{one.bare:.1f}", f"{one.delta:.1f}", f"{one.delta_of_bare:.2f}") for one in speeds.removers]
    header = ("remover", "bare steps/s", "delta steps/s", "of bare")
    show_table(f"{speeds.kind}, {speeds.steps} steps, {images}; medians of {repeats}", header, rows)


def _passes(network: Remover, images: Images, steps: int) -> None:
    """So many passes forward, and backward to the images, with the least that a loss can be."""
    for _ in range(steps):
        pixels = to_unit(images).requires_grad_()
        torch.autograd.grad(network(pixels).image.square().mean(), pixels)
