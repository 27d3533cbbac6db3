"""The three kinds of brain tumour: where they grow, how they are outlined and how bright they are."""

import math
from dataclasses import dataclass

import numpy as np

from miad.data.phantom.canvas import Blob, random_waves, uniform
from miad.data.phantom.planes import AXIAL_HIGH, AXIAL_LOW, AXIAL_MIDDLE, CORONAL, SAGITTAL, Slice

TUMOURS = ("glioma", "meningioma", "pituitary")
GLIOMA, MENINGIOMA, PITUITARY = range(3)

# Slices that show each tumour, with their odds. They give little away: only the two axial slices above
# the sella rule the pituitary out.
SLICE_ODDS: tuple[tuple[tuple[Slice, float], ...], ...] = (
    ((AXIAL_MIDDLE, 0.2), (AXIAL_HIGH, 0.05), (AXIAL_LOW, 0.15), (CORONAL, 0.3), (SAGITTAL, 0.3)),
    ((AXIAL_MIDDLE, 0.15), (AXIAL_HIGH, 0.1), (AXIAL_LOW, 0.15), (CORONAL, 0.3), (SAGITTAL, 0.3)),
    ((AXIAL_LOW, 0.4), (CORONAL, 0.3), (SAGITTAL, 0.3)),
)


@dataclass(frozen=True)
class Tumour:
    """One tumour in the standard head.

    Attributes:
        label: Index into `TUMOURS`.
        blob: Its outline.
        grey: Grey 0..1 of its enhancing part.
        core: Grey 0..1 of its core.
        core_depth: Depth (0 centre, 1 edge) within which the core lies; 0 for none.
        softness: Half the width of the edge as a share of the radius.
        swelling: Depth that the dark oedema around it reaches; 1 for none.
        grain: Strength of its texture.
    """

    label: int
    blob: Blob
    grey: float
    core: float
    core_depth: float
    softness: float
    swelling: float
    grain: float


def draw_slice(rng: np.random.Generator, label: int) -> Slice:
    """Choose a slice that shows the tumour.

    Args:
        rng: Source of the draw.
        label: Index into `TUMOURS`.

    Returns:
        One of the slices of the standard head.
    """
    slices, odds = zip(*SLICE_ODDS[label], strict=True)
    chosen: Slice = slices[int(rng.choice(len(slices), p=odds))]
    return chosen


def draw_tumour(rng: np.random.Generator, label: int, view: Slice) -> Tumour:
    """Draw a tumour of a given kind.

    Args:
        rng: Source of the draw.
        label: Index into `TUMOURS`.
        view: The slice that shows it.

    Returns:
        The tumour, in the standard head.
    """
    return (_draw_glioma, _draw_meningioma, _draw_pituitary)[label](rng, view)


def _draw_glioma(rng: np.random.Generator, view: Slice) -> Tumour:
    """Inside a hemisphere, ragged and fuzzy, with a bright rim around a dark core."""
    left, top, right, bottom = view.hemisphere
    side = -1.0 if view.symmetric and rng.random() < 0.5 else 1.0
    centre = (side * uniform(rng, (left, right)), uniform(rng, (top, bottom)))
    waves, tilt = random_waves(rng, 0.2, 6), uniform(rng, (0, math.pi))
    necrotic = rng.random() < 0.75
    return Tumour(
        label=GLIOMA,
        blob=Blob(centre, uniform(rng, (0.11, 0.24)), waves, uniform(rng, (1, 1.5)), tilt),
        grey=uniform(rng, (0.3, 0.56)),
        core=uniform(rng, (0.1, 0.18)) if necrotic else uniform(rng, (0.2, 0.28)),
        core_depth=uniform(rng, (0.55, 0.85)),
        softness=uniform(rng, (0.15, 0.35)),
        swelling=uniform(rng, (1.3, 1.9)),
        grain=0.22,
    )


def _draw_meningioma(rng: np.random.Generator, view: Slice) -> Tumour:
    """On the brain's surface, sharp and evenly bright; the skull cuts it flat."""
    radius, angle = uniform(rng, (0.09, 0.2)), uniform(rng, view.convexity)
    centre = view.surface(angle, radius * uniform(rng, (0.45, 0.75)))
    waves = random_waves(rng, 0.07, 3)
    return Tumour(
        label=MENINGIOMA,
        blob=Blob(centre, radius, waves, uniform(rng, (1, 1.25)), angle + math.pi / 2),
        grey=uniform(rng, (0.38, 0.56)),
        core=0.0,
        core_depth=0.0,
        softness=0.08,
        swelling=uniform(rng, (1.0, 1.4)),
        grain=0.08,
    )


def _draw_pituitary(rng: np.random.Generator, view: Slice) -> Tumour:
    """In the sella, small and bright; its floor is bone, so a large one grows upwards."""
    radius = uniform(rng, (0.055, 0.125))
    x, y = view.sella[0] + float(rng.normal(0, 0.012)), view.sella[1] - 0.5 * (radius - 0.05)
    waves, tilt = random_waves(rng, 0.1, 3), uniform(rng, (0, math.pi))
    return Tumour(
        label=PITUITARY,
        blob=Blob((x, y), radius, waves, uniform(rng, (1, 1.35)), tilt),
        grey=uniform(rng, (0.34, 0.54)),
        core=0.0,
        core_depth=0.0,
        softness=0.12,
        swelling=1.0,
        grain=0.14,
    )
