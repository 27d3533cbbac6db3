"""``miad bench delta``: how fast deltas are made, against the removers' bare forward and backward pass."""

from statistics import median

import torch

from miad.commands.run import Run
from miad.commands.show import show_table
from miad.commands.timing import seconds
from miad.commands.vaccines import DEFAULT_VACCINE, load_removers
from miad.errors import InputError, check_at_least
from miad.models import Remover
from miad.tensors import Images, to_unit
from miad.vaccine import Vaccine, VaccineOptions


def delta(
    removers: str,
    vaccine: VaccineOptions = DEFAULT_VACCINE,
    size: int = 224,
    batch_size: int = 8,
    repeats: int = 5,
) -> None:
    """Measure how fast deltas are made.

    Makes deltas for random images on each remover, and runs the remover forward and backward as often at the same batch
    size, by turns; prints images a second of both for one step, and the median of their ratios. Ratios hold for this
    machine.

    Args:
        removers: folders of 'miad fit remover' or checkpoints, separated by commas.
        vaccine: how delta is made.
        size: side of the images in pixels.
        batch_size: images at once.
        repeats: turns.

    Raises:
        InputError: there is no remover, or the vaccine asks none.
    """
    check_at_least(1, size=size, batch_size=batch_size, repeats=repeats)
    networks = load_removers(removers)
    if not networks or not vaccine.optimised:
        raise InputError(f"expected removers, and delta_d or delta_i, found {len(networks)} and {vaccine.kind}")
    device = Run("bench").device
    images = torch.randint(0, 256, (batch_size, 3, size, size), dtype=torch.uint8, device=device)
    rows = [_row(name, network.to(device), images, vaccine, repeats) for name, network in networks.items()]
    title = f"{vaccine.kind}, {vaccine.steps} steps, {batch_size} images of {size}x{size}; medians of {repeats}"
    show_table(title, ("remover", "bare steps/s", "delta steps/s", "of bare"), rows)


def _row(name: str, network: Remover, images: Images, options: VaccineOptions, repeats: int) -> tuple[str, ...]:
    steps = len(images) * options.steps
    bare, made = [], []
    network.requires_grad_(False)
    vaccine = Vaccine(options, [network])
    generators = [torch.Generator() for _ in images]
    seconds(lambda: _passes(network, images, 1))  # the first pass allocates
    for _ in range(repeats):
        bare.append(seconds(lambda: _passes(network, images, options.steps)))
        made.append(seconds(lambda: vaccine(images, generators)))
    ratio = median(b / m for b, m in zip(bare, made, strict=True))
    return name, f"{steps / median(bare):.1f}", f"{steps / median(made):.1f}", f"{ratio:.2f}"


def _passes(network: Remover, images: Images, steps: int) -> None:
    """So many passes forward, and backward to the images, with the least that a loss can be."""
    for _ in range(steps):
        pixels = to_unit(images).requires_grad_()
        torch.autograd.grad(network(pixels).image.square().mean(), pixels)
