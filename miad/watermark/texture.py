"""A keyed texture inside the mark: whoever knows the logo alone does not know what was blended.

Colours and opacity of the logo vary from pixel to pixel by what is drawn from an image's own secret. The result is an
ordinary rendering, so that the compositor and its inverse need not know.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from miad.errors import InputError, check_at_least
from miad.watermark.rendering import Rendering
from miad.watermark.texture_field import FULL, OPACITY, OWN, SHARED, draw_fields

SECRET = 16
"""Bytes of an image's secret."""
_VERSION = "1"
_LARGEST_GRAIN = 64
_SHARED, _OWN = 27, 11
"""Of 32: how much of a colour's variation all three share, as they do in images, and how much is its own."""


@dataclass(frozen=True)
class TextureOptions:
    """The texture inside the mark; none where both strengths are 0.

    Args:
        colour: most levels by which the logo's colours vary, 0..127; they are moved away from 0 and 255 so that nothing
            is cut off.
        alpha: half the range of the opacity's variation, 0..127 of 255: a mark is on average that much weaker.
        grain: side of its largest patches in pixels, 1, 2, 4, ... 64; there are as strong ones of every smaller size.
        insecure_secret: for experiments that are to give the same marks twice: draws every texture from this text,
            which is written to config.yaml, so that the texture protects from nobody.

    Raises:
        InputError: an option is out of its range.
    """

    colour: int = 0
    alpha: int = 0
    grain: int = 16
    insecure_secret: str = ""

    def __post_init__(self) -> None:
        """Refuse what can not be drawn."""
        check_at_least(0, colour=self.colour, alpha=self.alpha)
        if max(self.colour, self.alpha) > 127:
            raise InputError(f"expected a texture of at most 127 levels, found {max(self.colour, self.alpha)}")
        if not (1 <= self.grain <= _LARGEST_GRAIN and self.grain.bit_count() == 1):
            raise InputError(f"expected a texture's grain of 1, 2, 4, ... {_LARGEST_GRAIN} pixels, found {self.grain}")
        if self.insecure_secret and not self.enabled:
            raise InputError("expected texture.colour or texture.alpha with texture.insecure_secret, found none")

    @property
    def enabled(self) -> bool:
        """Whether there is a texture at all."""
        return self.colour > 0 or self.alpha > 0

    @property
    def words(self) -> str:
        """For tables and pictures."""
        return f"texture {self.colour}/{self.alpha}/{self.grain}"


NO_TEXTURE = TextureOptions()
"""The logo as it is."""


@dataclass(frozen=True, eq=False)
class Texture:
    """By how much each pixel of a logo's box varies.

    Args:
        shade: int16 ``(3, h, w)``, what is added to the colours, -colour..colour.
        fade: int16 ``(1, h, w)``, what is taken off the opacity, 0..254 of 255.
        colour: most that is added.
    """

    shade: Tensor
    fade: Tensor
    colour: int

    @classmethod
    def mean(cls, options: TextureOptions, height: int, width: int) -> Self:
        """What all textures of these options are on average."""
        shade = torch.zeros(3, height, width, dtype=torch.int16)
        return cls(shade, torch.full_like(shade[:1], options.alpha), options.colour)

    def wear(self, rgb: Tensor, coverage: Tensor) -> tuple[Tensor, Tensor]:
        """Colours and coverage with this texture, where the logo is drawn.

        Args:
            rgb: uint8 ``(3, h', w')``, from the top left corner of the texture's box on.
            coverage: uint8 ``(1, h', w')``; it stays above 0 where it is, and 0 where it is 0.
        """
        height, width = coverage.shape[-2:]
        return worn(rgb, coverage, self.shade[..., :height, :width], self.fade[..., :height, :width], self.colour)

    def on(self, rendering: Rendering) -> Rendering:
        """A rendering with this texture."""
        rgb, coverage = self.wear(
            torch.from_numpy(rendering.rgb).permute(2, 0, 1), torch.from_numpy(rendering.coverage)[None]
        )
        return Rendering(np.ascontiguousarray(rgb.permute(1, 2, 0).numpy()), coverage[0].numpy())

    def to(self, device: torch.device) -> "Texture":
        """The same texture on a device."""
        return Texture(self.shade.to(device), self.fade.to(device), self.colour)


def worn(rgb: Tensor, coverage: Tensor, shade: Tensor, fade: Tensor, colour: int) -> tuple[Tensor, Tensor]:
    """Colours and coverage with a texture; all of one size, or broadcast.

    Args:
        rgb: uint8 ``(..., 3, h, w)``.
        coverage: uint8 ``(..., 1, h, w)``.
        shade: as of `Texture`.
        fade: likewise.
        colour: likewise.
    """
    drawn = coverage > 0
    inked = rgb.to(torch.int16).clamp(colour, FULL - colour) + shade
    faded = (coverage.to(torch.int32) * (FULL - fade.to(torch.int32)) + 127).div(FULL, rounding_mode="floor")
    left = torch.where(drawn, faded.clamp(min=1), 0)
    return torch.where(drawn, inked, rgb).to(torch.uint8), left.to(torch.uint8)


@dataclass(frozen=True)
class KeyedTexture:
    """What one image's texture is drawn from; a secret.

    Args:
        colour: as of `TextureOptions`.
        alpha: likewise.
        grain: likewise.
        grey: whether the image stores one channel; then all colours vary alike.
        secret: the image's own, `SECRET` bytes.
    """

    colour: int
    alpha: int
    grain: int
    grey: bool
    secret: bytes = field(repr=False)

    def draw(self, height: int, width: int) -> Texture:
        """The texture of a box; a smaller box has the top left corner of a larger one's."""
        fade, shade = self._draw_fade(height, width), self._draw_shade(height, width)
        return Texture(torch.from_numpy(shade.astype(np.int16)), torch.from_numpy(fade.astype(np.int16)), self.colour)

    def _draw_fade(self, height: int, width: int) -> NDArray[np.int32]:
        if not self.alpha:
            return np.zeros((1, height, width), dtype=np.int32)
        return self.alpha + _scaled(draw_fields(self.secret, height, width, self.grain, [OPACITY]), self.alpha)

    def _draw_shade(self, height: int, width: int) -> NDArray[np.int32]:
        if not self.colour:
            return np.zeros((3, height, width), dtype=np.int32)
        chosen = [SHARED] if self.grey else [SHARED, *OWN]
        shared, *own = draw_fields(self.secret, height, width, self.grain, chosen)
        mixed = [(_SHARED * shared + _OWN * one >> 5).clip(-FULL, FULL) for one in own] or [shared]
        return np.broadcast_to(_scaled(np.stack(mixed), self.colour), (3, height, width))

    def on(self, rendering: Rendering) -> Rendering:
        """A rendering with this texture."""
        return self.draw(*rendering.coverage.shape).on(rendering)

    @property
    def text(self) -> str:
        """As it stands in a key."""
        numbers = (self.colour, self.alpha, self.grain, int(self.grey))
        return ":".join([_VERSION, *map(str, numbers), self.secret.hex()])

    @classmethod
    def parse(cls, text: str) -> Self:
        """Inverse of `text`.

        Raises:
            InputError: it is damaged, or of a later version.
        """
        version, *words = text.split(":")
        try:
            colour, alpha, grain, grey = map(int, words[:-1])
            secret = bytes.fromhex(words[-1])
            TextureOptions(colour, alpha, grain)
        except (ValueError, IndexError):
            raise InputError("a texture in the key is damaged") from None
        if version != _VERSION or grey not in (0, 1) or len(secret) != SECRET:
            raise InputError("a texture in the key is damaged, or of a later version of miad")
        return cls(colour, alpha, grain, bool(grey), secret)


def _scaled(field: NDArray[np.int32], most: int) -> NDArray[np.int32]:
    """A field brought to -most..most."""
    return (most * field + FULL // 2) // FULL


def keyed_texture(options: TextureOptions, run_secret: bytes, image: str, *, grey: bool) -> KeyedTexture:
    """One image's texture: its secret is the HMAC of its id by the run's.

    Args:
        options: how strong it is.
        run_secret: nobody can guess it.
        image: the image's id.
        grey: whether the image stores one channel.
    """
    secret = hmac.digest(run_secret, b"miad texture\n" + image.encode(), hashlib.sha256)[:SECRET]
    return KeyedTexture(options.colour, options.alpha, options.grain, grey, secret)


def textured(rendering: Rendering, texture: KeyedTexture | None) -> Rendering:
    """A rendering in its texture; as it is where there is none."""
    return rendering if texture is None else texture.on(rendering)
