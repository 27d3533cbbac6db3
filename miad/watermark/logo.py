"""A logo: RGB pixels and the coverage that says where it is."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from miad.errors import InputError
from miad.watermark.emblems import NAMES, draw_emblem
from miad.watermark.random_logo import draw_random_logo

_SEED = 2023
"""Of the logos drawn by chance."""

_KEY_TOLERANCE = 8
"""Grey levels by which a flat background may vary and still be keyed out."""


@dataclass(frozen=True)
class Logo:
    """A logo as loaded.

    Args:
        name: its built-in name, or its file's.
        rgba: uint8 ``(h, w, 4)``, straight alpha, cropped to its visible pixels.
    """

    name: str
    rgba: NDArray[np.uint8]

    @property
    def digest(self) -> str:
        """sha256 (hex) of its pixels."""
        return hashlib.sha256(self.rgba.tobytes()).hexdigest()


def load_logo(source: str) -> Logo:
    """A built-in logo by name, or any picture file; a flat background is keyed out where there is no alpha.

    Args:
        source: ``emblem``, ``wordmark``, ``crest``, or a path.

    Raises:
        InputError: no such logo, not a picture, or nothing in it is visible.
    """
    rgba = draw_emblem(source) if source in NAMES else _read(source)
    return Logo(Path(source).stem, _crop(source, rgba))


def load_logos(sources: str) -> list[Logo]:
    """Several logos.

    Args:
        sources: as of `load_logo`, or ``random:N`` for N drawn by chance, the same each time; separated by commas.

    Raises:
        InputError: there is none, or one can not be loaded.
    """
    words = [word.strip() for word in sources.split(",") if word.strip()]
    if not words:
        raise InputError("expected one or more logos, separated by commas, found none")
    return [logo for word in words for logo in _load_some(word)]


def _load_some(word: str) -> list[Logo]:
    name, _, count = word.partition(":")
    if name != "random":
        return [load_logo(word)]
    if not count.isdecimal() or not int(count):
        raise InputError(f"expected random:N with N logos to draw, found {word!r}")
    generators = np.random.default_rng(_SEED).spawn(int(count))
    return [Logo(f"random{number}", draw_random_logo(generator)) for number, generator in enumerate(generators)]


def _read(source: str) -> NDArray[np.uint8]:
    try:
        with Image.open(source) as file:
            has_alpha = "A" in file.mode or "transparency" in file.info
            rgba = np.array(file.convert("RGBA"))
    except FileNotFoundError as error:
        raise InputError(f"expected a logo file or one of {', '.join(NAMES)}, found no {source!r}") from error
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError(f"{source}: expected a picture for a logo ({error}); give a PNG") from error
    return rgba if has_alpha else _key_out_background(rgba)


def _key_out_background(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    corners = rgba[[0, 0, -1, -1], [0, -1, 0, -1], :3].astype(np.int16)
    if np.abs(corners - corners[0]).max() > _KEY_TOLERANCE:
        return rgba
    away = np.abs(rgba[..., :3].astype(np.int16) - corners[0]).max(axis=2) > _KEY_TOLERANCE
    return np.dstack([rgba[..., :3], np.where(away, 255, 0).astype(np.uint8)])


def _crop(source: str, rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    rows, columns = np.nonzero(rgba[..., 3] >= 128)
    if rows.size == 0:
        raise InputError(f"{source}: expected a logo with visible pixels (alpha 128 or more), found none; give another")
    return rgba[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
