"""The vessel tree of the retina: arteries and veins that leave the optic disc and branch."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from miad.data.phantom.canvas import Canvas, FloatArray, uniform, vector

STEPS = 13  # points along one vessel; three pieces of four steps each make its taper
TAPER = (1.0, 0.7, 0.42)


@dataclass(frozen=True)
class Vessels:
    """Vessels of one kind and one order of branching.

    Attributes:
        paths: (vessels, STEPS, 2) in unit coordinates, from the optic disc outwards.
        width: Width at the start in unit coordinates.
        strength: Opacity 0..1.
    """

    paths: FloatArray
    width: float
    strength: float


def draw_vessels(rng: np.random.Generator, disc: tuple[float, float], temporal: int) -> tuple[Vessels, ...]:
    """Draw the arteries and veins of one eye.

    Args:
        rng: Source of the draw.
        disc: Centre of the optic disc in unit coordinates.
        temporal: 1 if the macula lies to the right of the disc, -1 if to the left.

    Returns:
        The vessels, thickest last.
    """
    groups: list[Vessels] = []
    for width, strength in ((0.017, 0.65), (0.025, 0.9)):  # arteries, then the wider and darker veins
        scale = uniform(rng, (0.8, 1.2))
        for order, paths in enumerate(_grow_tree(rng)):
            placed = paths * vector((temporal, 1)) + vector(disc)
            groups.append(Vessels(placed, scale * width * 0.55**order, strength * 0.75**order))
    return tuple(sorted(groups, key=lambda group: group.width))


def vessel_cover(vessels: tuple[Vessels, ...], size: int) -> FloatArray:
    """Opacity of the vessels.

    Args:
        vessels: What `draw_vessels` drew.
        size: Side of the image in pixels.

    Returns:
        Float32 (size, size) in 0..1.
    """
    canvas = Canvas(size)
    reach = (STEPS - 1) // len(TAPER)
    for group in vessels:
        for piece, taper in enumerate(TAPER):
            part = group.paths[:, piece * reach : (piece + 1) * reach + 1]
            canvas.stroke(part, group.width * taper, group.strength)
    return canvas.average()


def _grow_tree(rng: np.random.Generator) -> list[FloatArray]:
    """Stems and two orders of branches, with the disc at the origin and the macula towards positive x."""
    # The arcade around the macula, then the stem to the nose, downwards and upwards; from the x axis.
    heading = np.array([1.55, 1.75, -1.55, -1.75]) + rng.normal(0, 0.1, 4)
    bend = np.array([-1.9, 0.7, 1.9, -0.7]) * rng.uniform(0.75, 1.15, 4)
    length = np.array([1.7, 1.0, 1.7, 1.0]) * rng.uniform(0.85, 1.15, 4)
    start = np.zeros((4, 2))
    orders = []
    for shoots in (4, 2, 0):
        paths, headings = _grow(rng, start, heading, length, bend)
        orders.append(paths)
        if shoots:
            start, heading, length, bend = _sprout(rng, paths, headings, length, shoots)
    return orders


def _grow(
    rng: np.random.Generator,
    start: NDArray[np.float64],
    heading: NDArray[np.float64],
    length: NDArray[np.float64],
    bend: NDArray[np.float64],
) -> tuple[FloatArray, NDArray[np.float64]]:
    """Walk every vessel from its start; gives the paths (n, STEPS, 2) and the headings (n, STEPS)."""
    progress = np.linspace(0, 1, STEPS) ** 0.7  # the bend is sharpest near the start
    wander = rng.normal(0, 0.075, (len(start), STEPS)).cumsum(axis=1)
    headings = heading[:, None] + bend[:, None] * progress + wander
    steps = np.stack([np.cos(headings), np.sin(headings)], axis=2) * (length / STEPS)[:, None, None]
    steps[:, 0] = 0
    return (start[:, None] + steps.cumsum(axis=1)).astype(np.float32), headings


def _sprout(
    rng: np.random.Generator,
    paths: FloatArray,
    headings: NDArray[np.float64],
    length: NDArray[np.float64],
    shoots: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Choose where and how branches leave their parents: start, heading, length and bend of each."""
    count = len(paths) * shoots
    parent = np.repeat(np.arange(len(paths)), shoots)
    knot = rng.integers(3, STEPS - 3, count)
    side = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    heading = headings[parent, knot] + side * rng.uniform(0.45, 1.0, count)
    left = length[parent] * (1 - knot / STEPS)
    return (
        paths[parent, knot].astype(np.float64),
        heading,
        0.15 + left * rng.uniform(0.35, 0.75, count),
        -side * rng.uniform(0.2, 0.9, count),  # branches curve back along their parent
    )
