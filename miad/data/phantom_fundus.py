"""Phantom photographs of the retina with four grades of diabetic retinopathy.

`draw_fundus` draws everything random about one eye; `render_fundus` turns that into pixels.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from miad.data.phantom_canvas import (
    Blob,
    Canvas,
    FloatArray,
    Range,
    blur,
    random_waves,
    rise,
    smooth_noise,
    uniform,
    unit_grid,
)

LesionKind = Literal["microaneurysm", "haemorrhage", "exudate"]
Colour = tuple[float, float, float]

GRADES = ("grade 0", "grade 1", "grade 2", "grade 3")

# How many of each lesion a grade shows, both ends included. Exudates are counted in clusters.
LESION_COUNTS: tuple[dict[LesionKind, tuple[int, int]], ...] = (
    {},
    {"microaneurysm": (4, 8)},
    {"microaneurysm": (5, 11), "haemorrhage": (4, 8)},
    {"microaneurysm": (5, 12), "haemorrhage": (12, 20), "exudate": (2, 5)},
)
LESION_RADII: dict[LesionKind, Range] = {
    "microaneurysm": (0.017, 0.024),
    "haemorrhage": (0.032, 0.065),
    "exudate": (0.014, 0.034),
}
EXUDATES_PER_CLUSTER = (4, 10)

DISC_TINT: Colour = (1.0, 0.72, 0.34)
CUP_TINT: Colour = (1.0, 0.86, 0.58)
EXUDATE_TINT: Colour = (0.98, 0.82, 0.28)
DRUSEN_TINT: Colour = (0.86, 0.62, 0.28)
# What is left of each channel under a full layer of blood, and in the pigmented macula.
BLOOD: Colour = (0.66, 0.42, 0.55)
BLEEDING: Colour = (0.52, 0.26, 0.4)
PIGMENT: Colour = (0.62, 0.5, 0.5)

STEPS = 13  # points along one vessel; four pieces of three steps each make its taper
TAPER = (1.0, 0.8, 0.62, 0.45)


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


@dataclass(frozen=True)
class Camera:
    """How the photograph was taken: colour, light and sharpness.

    Attributes:
        tissue: Colour of the retina, channels 0..1.
        field_centre: Centre of the round field of view in unit coordinates.
        field_radius: Its radius in unit coordinates.
        light: x and y of the slope of the light over the image.
        vignette: Share of the light lost at the edge of the field; negative for a bright haze.
        mottle: Strength of the pattern of the choroid.
        blur: Standard deviation of the blur in unit coordinates.
        noise: Standard deviation of the sensor noise, 0..1 grey levels.
        seed: Seed of the pattern and of the noise.
    """

    tissue: Colour
    field_centre: tuple[float, float]
    field_radius: float
    light: tuple[float, float]
    vignette: float
    mottle: float
    blur: float
    noise: float
    seed: int


@dataclass(frozen=True)
class Lesion:
    """One lesion: its kind and its outline."""

    kind: LesionKind
    blob: Blob


@dataclass(frozen=True)
class FundusScene:
    """Everything random about one eye.

    Attributes:
        camera: How it was photographed.
        disc: Outline of the optic disc.
        cup: Share of the disc's radius taken by its pale cup.
        macula: Outline of the dark macula.
        vessels: The vessels, thickest last.
        lesions: The lesions, which make the grade.
        drusen: Pale spots that mean nothing for the grade.
    """

    camera: Camera
    disc: Blob
    cup: float
    macula: Blob
    vessels: tuple[Vessels, ...]
    lesions: tuple[Lesion, ...]
    drusen: tuple[Blob, ...]


def draw_fundus(rng: np.random.Generator, grade: int) -> FundusScene:
    """Draw one eye.

    Args:
        rng: Source of the draw.
        grade: Index into `GRADES`.

    Returns:
        The scene, in unit coordinates.
    """
    camera = _draw_camera(rng)
    temporal = 1 if rng.random() < 0.5 else -1  # the side of the macula tells left eyes from right
    disc_centre = (-temporal * uniform(rng, (0.46, 0.66)), uniform(rng, (-0.12, 0.12)))
    disc = Blob(disc_centre, uniform(rng, (0.12, 0.155)), random_waves(rng, 0.04, 2), 0.88)
    macula_centre = (
        disc_centre[0] + temporal * uniform(rng, (0.6, 0.7)),
        disc_centre[1] + uniform(rng, (0.0, 0.12)),
    )
    macula = Blob(macula_centre, uniform(rng, (0.16, 0.26)))
    vessels = _draw_vessels(rng, disc_centre, temporal)
    lesions = _draw_lesions(rng, grade, camera, disc)
    drusen = tuple(
        Blob(_place(rng, camera, disc), uniform(rng, (0.015, 0.03))) for _ in range(int(rng.integers(0, 6)))
    )
    return FundusScene(camera, disc, uniform(rng, (0.35, 0.55)), macula, vessels, lesions, drusen)


def render_fundus(scene: FundusScene, size: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Turn a scene into pixels.

    Args:
        scene: What `draw_fundus` drew.
        size: Side of the image in pixels.

    Returns:
        RGB image uint8 (size, size, 3) and lesion mask bool (size, size).
    """
    x, y = unit_grid(size)
    camera = scene.camera
    image = _lit_tissue(camera, x, y)
    _paint_macula_and_disc(image, scene, x, y)
    _dim(image, _vessel_cover(scene.vessels, size), BLOOD)
    red, yellow = _lesion_cover(scene.lesions, size)
    _mix(image, 0.45 * blur(_blob_cover(scene.drusen, size), 0.012), _lit(DRUSEN_TINT, camera))
    _dim(image, red, BLEEDING)
    _mix(image, 0.9 * yellow, _lit(EXUDATE_TINT, camera))
    return _photograph(image, camera, x, y), np.maximum(red, yellow) > 0.35


def _draw_camera(rng: np.random.Generator) -> Camera:
    red = float(np.clip(rng.normal(0.64, 0.1), 0.4, 0.85))
    green = float(np.clip(0.3 + 0.58 * (red - 0.63) + rng.normal(0, 0.045), 0.13, 0.55))
    blue = float(np.clip(0.09 + 0.6 * (green - 0.3) + rng.normal(0, 0.05), 0.01, 0.3))
    slope, angle = uniform(rng, (0.0, 0.22)), uniform(rng, (0, 2 * math.pi))
    return Camera(
        tissue=(red, green, blue),
        field_centre=(uniform(rng, (-0.04, 0.04)), uniform(rng, (-0.04, 0.04))),
        field_radius=uniform(rng, (0.9, 1.08)),
        light=(slope * math.cos(angle), slope * math.sin(angle)),
        vignette=uniform(rng, (-0.1, 0.45)),
        mottle=uniform(rng, (0.015, 0.05)),
        blur=uniform(rng, (0.0, 0.012)),
        noise=uniform(rng, (0.004, 0.018)),
        seed=int(rng.integers(2**31)),
    )


def _draw_vessels(rng: np.random.Generator, disc: tuple[float, float], temporal: int) -> tuple[Vessels, ...]:
    groups: list[Vessels] = []
    for width, strength in ((0.02, 0.6), (0.03, 0.85)):  # arteries, then the wider and darker veins
        scale = uniform(rng, (0.8, 1.2))
        for order, paths in enumerate(_grow_tree(rng)):
            placed = paths * np.float32((temporal, 1)) + np.float32(disc)
            groups.append(Vessels(placed, scale * width * 0.62**order, strength * 0.85**order))
    return tuple(sorted(groups, key=lambda group: group.width))


def _grow_tree(rng: np.random.Generator) -> list[FloatArray]:
    """Stems and two orders of branches, with the disc at the origin and the macula towards positive x."""
    # Up and down: temporal arcade around the macula, nasal stem, fine macular twig. Angles from the x axis.
    heading = np.array([1.5, 2.4, 0.55, -1.5, -2.4, -0.55]) + rng.normal(0, 0.16, 6)
    bend = np.array([-1.75, -0.25, -0.3, 1.75, 0.25, 0.3]) * rng.uniform(0.7, 1.2, 6)
    length = np.array([1.75, 1.0, 0.5, 1.75, 1.0, 0.5]) * rng.uniform(0.85, 1.15, 6)
    start = np.zeros((6, 2))
    orders = []
    for shoots in (5, 2, 0):
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
    progress = np.linspace(0, 1, STEPS)
    wander = rng.normal(0, 0.13, (len(start), STEPS)).cumsum(axis=1)
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
    knot = rng.integers(2, STEPS - 2, count)
    side = np.where(np.arange(count) % 2 == 0, 1.0, -1.0)
    heading = headings[parent, knot] + side * rng.uniform(0.4, 0.95, count)
    left = length[parent] * (1 - knot / STEPS)
    return (
        paths[parent, knot].astype(np.float64),
        heading,
        0.12 + left * rng.uniform(0.4, 0.75, count),
        -side * rng.uniform(0.0, 0.6, count),  # branches curve back along their parent
    )


def _draw_lesions(rng: np.random.Generator, grade: int, camera: Camera, disc: Blob) -> tuple[Lesion, ...]:
    lesions: list[Lesion] = []
    for kind, (low, high) in LESION_COUNTS[grade].items():
        for _ in range(int(rng.integers(low, high + 1))):
            place = _place(rng, camera, disc)
            members = int(rng.integers(*EXUDATES_PER_CLUSTER)) if kind == "exudate" else 1
            spread = rng.normal(0, 0.055, (members, 2)) * (members > 1)
            lesions += [
                _draw_lesion(rng, kind, (place[0] + float(dx), place[1] + float(dy))) for dx, dy in spread
            ]
    return tuple(lesions)


def _draw_lesion(rng: np.random.Generator, kind: LesionKind, centre: tuple[float, float]) -> Lesion:
    radius = uniform(rng, LESION_RADII[kind])
    if kind != "haemorrhage":
        return Lesion(kind, Blob(centre, radius))
    # Half are round blots; the others are flames along the nerve fibres.
    aspect = 1.0 if rng.random() < 0.5 else uniform(rng, (1.5, 2.8))
    return Lesion(kind, Blob(centre, radius, random_waves(rng, 0.25, 4), aspect, uniform(rng, (0, math.pi))))


def _place(rng: np.random.Generator, camera: Camera, disc: Blob) -> tuple[float, float]:
    """A place well inside the field of view and clear of the optic disc."""
    while True:
        x, y = (float(v) for v in rng.uniform(-0.82, 0.82, 2))
        inside = math.hypot(x, y) < 0.85 * camera.field_radius - 0.08
        if inside and math.hypot(x - disc.centre[0], y - disc.centre[1]) > disc.radius + 0.1:
            return x, y


def _lit_tissue(camera: Camera, x: FloatArray, y: FloatArray) -> FloatArray:
    """The empty retina under uneven light, with the pattern of the choroid: (h, w, 3)."""
    size = x.size
    mottle = camera.mottle * (
        smooth_noise(camera.seed, 28, size) + 1.2 * smooth_noise(camera.seed + 1, 7, size)
    )
    shade = 1 + camera.light[0] * x + camera.light[1] * y + mottle
    redness = 0.5 * camera.mottle * smooth_noise(camera.seed + 2, 5, size)
    channels = [
        camera.tissue[0] * (shade + redness),
        camera.tissue[1] * (shade - redness),
        camera.tissue[2] * shade,
    ]
    return np.stack(channels, axis=2).astype(np.float32)


def _paint_macula_and_disc(image: FloatArray, scene: FundusScene, x: FloatArray, y: FloatArray) -> None:
    macula_depth = scene.macula.depth(x, y)
    pigment = 0.7 * np.exp(-1.6 * macula_depth**2) + 0.35 * np.exp(-14 * macula_depth**2)
    _dim(image, pigment, PIGMENT)
    disc_depth = scene.disc.depth(x, y)
    _mix(image, 0.25 * rise(disc_depth, 2.2, 0.8), _lit(DISC_TINT, scene.camera))  # glow around the disc
    _mix(image, 0.85 * rise(disc_depth, 1.12, 0.88), _lit(DISC_TINT, scene.camera))
    _mix(image, 0.8 * rise(disc_depth, scene.cup + 0.2, scene.cup - 0.2), _lit(CUP_TINT, scene.camera))


def _vessel_cover(vessels: tuple[Vessels, ...], size: int) -> FloatArray:
    canvas = Canvas(size)
    reach = (STEPS - 1) // len(TAPER)
    for group in vessels:
        for piece, taper in enumerate(TAPER):
            part = group.paths[:, piece * reach : (piece + 1) * reach + 1]
            canvas.stroke(part, group.width * taper, group.strength)
    return canvas.average()


def _lesion_cover(lesions: tuple[Lesion, ...], size: int) -> tuple[FloatArray, FloatArray]:
    """Share of each pixel under blood and under exudate."""
    red = tuple(lesion.blob for lesion in lesions if lesion.kind != "exudate")
    yellow = tuple(lesion.blob for lesion in lesions if lesion.kind == "exudate")
    return _blob_cover(red, size), _blob_cover(yellow, size)


def _blob_cover(blobs: tuple[Blob, ...], size: int) -> FloatArray:
    canvas = Canvas(size)
    canvas.fill([blob.outline(24 if blob.waves else 10) for blob in blobs], 1.0)
    return canvas.average()


def _photograph(image: FloatArray, camera: Camera, x: FloatArray, y: FloatArray) -> NDArray[np.uint8]:
    """Blur, vignette, field of view and noise, then 8 bits."""
    radius = np.hypot(x - camera.field_centre[0], y - camera.field_centre[1]) / camera.field_radius
    field = rise(radius, 1.0, 0.985) * (1 - camera.vignette * rise(radius, 0.35, 1.1))
    noise = np.random.default_rng(camera.seed + 3).standard_normal(image.shape, dtype=np.float32)
    seen = blur(image, camera.blur) * field[..., None] + camera.noise * noise * (0.2 + 0.8 * field[..., None])
    return np.asarray(np.clip(seen * 255 + 0.5, 0, 255), dtype=np.uint8)


def _lit(tint: Colour, camera: Camera) -> FloatArray:
    """A bright tint as this camera shows it: dark and reddish photographs darken it too."""
    exposure = 0.55 + 0.7 * camera.tissue[0]
    return np.float32(exposure) * np.array(tint, dtype=np.float32)


def _dim(image: FloatArray, cover: FloatArray, left: Colour) -> None:
    """Absorb light in place: where `cover` (h, w) is 1, only the share `left` of each channel stays."""
    image *= 1 - cover[..., None] * (1 - np.float32(left))


def _mix(image: FloatArray, cover: FloatArray, tint: FloatArray) -> None:
    """Cover in place: where `cover` (h, w) is 1, the image takes the `tint`."""
    image += cover[..., None] * (tint - image)
