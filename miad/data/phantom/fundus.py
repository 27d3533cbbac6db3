"""Phantom photographs of the retina with four grades of diabetic retinopathy.

`draw_fundus` draws everything random about one eye; `render_fundus` turns that into pixels.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from miad.data.phantom.canvas import (
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
from miad.data.phantom.vessels import Vessels, draw_vessels, vessel_cover

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
    "microaneurysm": (0.015, 0.021),
    "haemorrhage": (0.026, 0.056),
    "exudate": (0.008, 0.024),
}
EXUDATES_PER_CLUSTER = (6, 18)
LESION_BLUR = 0.008  # lesions lie within the retina, so their edges are not sharp

MASK_OPACITY = 0.25  # a pixel belongs to the lesion mask where the lesion is more opaque than this

DISC_TINT: Colour = (1.0, 0.68, 0.26)
CUP_TINT: Colour = (1.0, 0.84, 0.46)
EXUDATE_TINT: Colour = (1.0, 0.85, 0.3)
HAZE_TINT: Colour = (0.75, 0.66, 0.56)
DRUSEN_TINT: Colour = (0.86, 0.62, 0.28)
# What is left of each channel under a full layer of blood, and in the pigmented macula.
BLOOD: Colour = (0.76, 0.47, 0.4)
BLEEDING: Colour = (0.58, 0.3, 0.4)
PIGMENT: Colour = (0.62, 0.5, 0.5)


@dataclass(frozen=True)
class Camera:
    """How the photograph was taken: colour, light and sharpness.

    Attributes:
        tissue: Colour of the retina, channels 0..1.
        field_centre: Centre of the round field of view in unit coordinates.
        field_radius: Its radius in unit coordinates.
        light: x and y of the slope of the light over the image.
        vignette: Share of the light lost at the edge of the field.
        haze: Opacity of the stray light at the edge of the field.
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
    haze: float
    mottle: float
    blur: float
    noise: float
    seed: int


@dataclass(frozen=True)
class Lesion:
    """One lesion.

    Attributes:
        kind: What it is.
        blob: Its outline.
        strength: Opacity 0..1.
    """

    kind: LesionKind
    blob: Blob
    strength: float


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
    vessels = draw_vessels(rng, disc_centre, temporal)
    lesions = _draw_lesions(rng, grade, camera, disc)
    drusen = tuple(Blob(_place(rng, camera, disc), uniform(rng, (0.015, 0.03))) for _ in range(int(rng.integers(0, 6))))
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
    _dim(image, vessel_cover(scene.vessels, size), BLOOD)
    red, yellow = _lesion_cover(scene.lesions, size)
    _mix(image, _drusen_cover(scene.drusen, size), _lit(DRUSEN_TINT, camera))
    _dim(image, red, BLEEDING)
    _mix(image, yellow, _lit(EXUDATE_TINT, camera))
    mask = (np.maximum(red, yellow) > MASK_OPACITY) | _centres(scene.lesions, size)
    return _photograph(image, camera, x, y), mask


def _draw_camera(rng: np.random.Generator) -> Camera:
    red = float(np.clip(rng.normal(0.7, 0.1), 0.42, 0.88))
    green = float(np.clip(0.3 + 0.58 * (red - 0.68) + rng.normal(0, 0.045), 0.13, 0.55))
    blue = float(np.clip(0.09 + 0.6 * (green - 0.3) + rng.normal(0, 0.05), 0.01, 0.3))
    slope, angle = uniform(rng, (0.0, 0.22)), uniform(rng, (0, 2 * math.pi))
    return Camera(
        tissue=(red, green, blue),
        field_centre=(uniform(rng, (-0.04, 0.04)), uniform(rng, (-0.04, 0.04))),
        field_radius=uniform(rng, (0.9, 1.08)),
        light=(slope * math.cos(angle), slope * math.sin(angle)),
        vignette=uniform(rng, (0.0, 0.45)),
        haze=max(0.0, uniform(rng, (-0.4, 0.4))),
        mottle=uniform(rng, (0.01, 0.035)),
        blur=uniform(rng, (0.0, 0.012)),
        noise=uniform(rng, (0.004, 0.018)),
        seed=int(rng.integers(2**31)),
    )


def _draw_lesions(rng: np.random.Generator, grade: int, camera: Camera, disc: Blob) -> tuple[Lesion, ...]:
    lesions: list[Lesion] = []
    for kind, (low, high) in LESION_COUNTS[grade].items():
        for _ in range(int(rng.integers(low, high + 1))):
            place = _place(rng, camera, disc)
            members = int(rng.integers(*EXUDATES_PER_CLUSTER)) if kind == "exudate" else 1
            spread = rng.normal(0, 0.055, (members, 2)).clip(-0.12, 0.12) * (members > 1)
            lesions += [_draw_lesion(rng, kind, (place[0] + float(dx), place[1] + float(dy))) for dx, dy in spread]
    return tuple(lesions)


def _draw_lesion(rng: np.random.Generator, kind: LesionKind, centre: tuple[float, float]) -> Lesion:
    radius, strength = uniform(rng, LESION_RADII[kind]), uniform(rng, (0.65, 1.0))
    if kind != "haemorrhage":
        return Lesion(kind, Blob(centre, radius), strength)
    # Half are round blots; the others are flames along the nerve fibres.
    aspect = 1.0 if rng.random() < 0.5 else uniform(rng, (1.5, 2.8))
    blob = Blob(centre, radius, random_waves(rng, 0.16, 4), aspect, uniform(rng, (0, math.pi)))
    return Lesion(kind, blob, strength)


def _place(rng: np.random.Generator, camera: Camera, disc: Blob) -> tuple[float, float]:
    """A place well inside the field of view and clear of the optic disc."""
    while True:
        x, y = (float(v) for v in rng.uniform(-0.82, 0.82, 2))
        inside = math.hypot(x, y) < 0.85 * camera.field_radius - 0.08
        if inside and math.hypot(x - disc.centre[0], y - disc.centre[1]) > disc.radius + 0.1:
            return x, y


def _lit_tissue(camera: Camera, x: FloatArray, y: FloatArray) -> FloatArray:
    """The empty retina under uneven light, with the pattern of the choroid: (3, h, w)."""
    size = x.size
    mottle = camera.mottle * (smooth_noise(camera.seed, 28, size) + 1.2 * smooth_noise(camera.seed + 1, 7, size))
    shade = 1 + camera.light[0] * x + camera.light[1] * y + mottle
    redness = 0.5 * camera.mottle * smooth_noise(camera.seed + 2, 5, size)
    channels = [
        camera.tissue[0] * (shade + redness),
        camera.tissue[1] * (shade - redness),
        camera.tissue[2] * shade,
    ]
    return np.stack(channels).astype(np.float32)  # channels first, which numpy blends several times faster


def _paint_macula_and_disc(image: FloatArray, scene: FundusScene, x: FloatArray, y: FloatArray) -> None:
    macula_depth = scene.macula.depth(x, y)
    pigment = 0.7 * np.exp(-1.6 * macula_depth**2) + 0.35 * np.exp(-14 * macula_depth**2)
    _dim(image, pigment, PIGMENT)
    disc_depth = scene.disc.depth(x, y)
    _mix(image, 0.25 * rise(disc_depth, 2.2, 0.8), _lit(DISC_TINT, scene.camera))  # glow around the disc
    _mix(image, 0.85 * rise(disc_depth, 1.12, 0.88), _lit(DISC_TINT, scene.camera))
    _mix(image, 0.8 * rise(disc_depth, scene.cup + 0.2, scene.cup - 0.2), _lit(CUP_TINT, scene.camera))


def _lesion_cover(lesions: tuple[Lesion, ...], size: int) -> tuple[FloatArray, FloatArray]:
    """Opacity of blood and of exudate in each pixel."""
    red, yellow = Canvas(size), Canvas(size)
    for lesion in lesions:
        canvas = yellow if lesion.kind == "exudate" else red
        canvas.fill([lesion.blob.outline(24 if lesion.blob.waves else 10)], lesion.strength)
    return blur(red.average(), LESION_BLUR), blur(yellow.average(), LESION_BLUR)


def _centres(lesions: tuple[Lesion, ...], size: int) -> NDArray[np.bool_]:
    """The pixel under each lesion's centre, so that the mask keeps those smaller than a pixel."""
    mask = np.zeros((size, size), dtype=np.bool_)
    for lesion in lesions:
        column, row = (int((v + 1) * size / 2) for v in lesion.blob.centre)
        mask[row, column] = True
    return mask


def _drusen_cover(drusen: tuple[Blob, ...], size: int) -> FloatArray:
    canvas = Canvas(size)
    canvas.fill([blob.outline(10) for blob in drusen], 0.4)
    return blur(canvas.average(), 0.012)


def _photograph(image: FloatArray, camera: Camera, x: FloatArray, y: FloatArray) -> NDArray[np.uint8]:
    """Blur, vignette, field of view and noise, then 8 bits."""
    radius = np.hypot(x - camera.field_centre[0], y - camera.field_centre[1]) / camera.field_radius
    _mix(image, camera.haze * rise(radius, 0.6, 1.1), _lit(HAZE_TINT, camera))
    field = rise(radius, 1.0, 0.985) * (1 - camera.vignette * rise(radius, 0.35, 1.1))
    noise = np.random.default_rng(camera.seed + 3).standard_normal(image.shape, dtype=np.float32)
    sharp = np.stack([blur(channel, camera.blur) for channel in image])
    seen = np.clip(sharp * field + camera.noise * noise * (0.2 + 0.8 * field), 0, 1) * 255 + 0.5
    return np.ascontiguousarray(seen.astype(np.uint8).transpose(1, 2, 0))


def _lit(tint: Colour, camera: Camera) -> Colour:
    """A bright tint as this camera shows it: dark and reddish photographs darken it too."""
    exposure = 0.5 + 0.7 * camera.tissue[0]
    return exposure * tint[0], exposure * tint[1], exposure * tint[2]


def _dim(image: FloatArray, cover: FloatArray, left: Colour) -> None:
    """Absorb light in place: where `cover` (h, w) is 1, only the share `left` of each channel stays."""
    for channel, share in zip(image, left, strict=True):
        channel *= 1 - cover * (1 - share)


def _mix(image: FloatArray, cover: FloatArray, tint: Colour) -> None:
    """Cover in place: where `cover` (h, w) is 1, the image takes the `tint`."""
    for channel, level in zip(image, tint, strict=True):
        channel += cover * (level - channel)
