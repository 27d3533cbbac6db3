"""One image's record: how to undo its mark (MIAD-MARK eq. 13, made exact by a remainder)."""

import json
from dataclasses import asdict, dataclass, replace
from typing import Self

import numpy as np
import torch

from miad.errors import InputError, KeyMismatchError
from miad.imaging import pixel_digest
from miad.keys.delta import nominal_delta, pack_delta, subtract_delta
from miad.keys.form import Form
from miad.keys.pattern import Pattern, Shared
from miad.keys.prediction import needs_delta, pack_places, unpack_places
from miad.keys.scene import Scene
from miad.tensors import StoredPixels
from miad.watermark import KeyedTexture, Rendering, alpha_map, preimages, textured


@dataclass(frozen=True, repr=False)
class Record:
    """What undoing one mark needs; a secret, so that its repr tells no more than the marked image does.

    Args:
        image: the image's id.
        file: the marked image's path below ``marked/``.
        x: column of the logo's left edge.
        y: row of its top edge.
        alpha: opacity, 1..255.
        rendering: digest of the logo's rendering.
        original: digest of the original's pixels.
        marked: digest of the marked pixels.
        remainder: what rounding lost, packed.
        delta: what was added to the image before it was marked, packed; empty where nothing was.
        dtype: of the pixels, as numpy writes it.
        shape: of the pixels; empty where an early key does not tell.
        form: how the image lies in its file; None where 8-bit pixels are all there is to it.
        texture: what the logo's texture was drawn from, as `KeyedTexture.text`; empty where it has none.
    """

    image: str
    file: str
    x: int
    y: int
    alpha: int
    rendering: str
    original: str
    marked: str
    remainder: bytes
    delta: bytes = b""
    dtype: str = "|u1"
    shape: tuple[int, ...] = ()
    form: Form | None = None
    texture: str = ""

    def __repr__(self) -> str:
        return f"<Record of {self.marked[:16]}>"

    def to_bytes(self) -> bytes:
        """A line of JSON, then delta, the form's tags, and the remainder."""
        fields = asdict(self) | {"delta": len(self.delta)}
        del fields["remainder"], fields["form"]
        if not self.texture:  # a key without any is read by versions that knew none
            del fields["texture"]
        form = {} if self.form is None else {"form": self.form.to_fields()}
        shell = b"" if self.form is None else self.form.shell
        return json.dumps(fields | form, sort_keys=True).encode() + b"\n" + self.delta + shell + self.remainder

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Inverse of `to_bytes`.

        Raises:
            InputError: the data are damaged.
        """
        line, _, rest = data.partition(b"\n")
        try:
            fields = json.loads(line)
            length = fields.pop("delta", 0)  # version 1 had none
            if not 0 <= length <= len(rest):
                raise ValueError("the delta is cut off")
            fields["shape"] = tuple(fields.pop("shape", ()))  # versions 1 and 2 had none
            form, remainder = fields.pop("form", None), rest[length:]  # images of 8-bit pixels have none
            if form is not None:
                form, remainder = Form.from_fields(form, remainder)
            record = cls(**fields, remainder=remainder, delta=rest[:length], form=form)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise InputError("a record in the key is damaged") from None
        if not record._is_sound():
            raise InputError("a record in the key is damaged")
        return record

    def drawn(self, rendering: Rendering) -> Rendering:
        """The logo as it was blended.

        Args:
            rendering: the one it names.

        Raises:
            InputError: its texture is damaged.
        """
        return textured(rendering, KeyedTexture.parse(self.texture) if self.texture else None)

    def _is_sound(self) -> bool:
        words = (self.image, self.file, self.rendering, self.original, self.marked, self.dtype, self.texture)
        numbers = (self.x, self.y, self.alpha, *self.shape)
        typed = all(isinstance(word, str) for word in words) and all(type(number) is int for number in numbers)
        return typed and self.x >= 0 and self.y >= 0 and 1 <= self.alpha <= 255


def make_record(
    image: str,
    file: str,
    original: StoredPixels,
    host: StoredPixels,
    marked: StoredPixels,
    place: tuple[int, int, int],
    rendering: Rendering,
    name: str,
    *,
    form: Form | None = None,
    texture: KeyedTexture | None = None,
    pattern: Pattern | None = None,
) -> Record:
    """Record how ``original`` became ``host`` by a delta, and that ``marked`` by a logo.

    Args:
        image: the image's id.
        file: path of the marked file below ``marked/``.
        original: stored pixels.
        host: the same with delta, or the same.
        marked: the same with the logo; all of one shape.
        place: x, y, alpha.
        rendering: the logo as it was blended, but for its texture.
        name: digest of the rendering.
        form: how the original lies in its file; None where 8-bit pixels are all there is to it.
        texture: what its texture was drawn from; None where it has none.
        pattern: what delta was made of, if that is known.

    Raises:
        ValueError: that logo at that place does not turn the one into the other.
    """
    scene = _scene(marked, place, textured(rendering, texture), form)
    places = _region(host, place, rendering).astype(np.int64) - scene.low
    delta = pack_delta(original, host, pattern)
    nominal = nominal_delta(delta, host.shape, pattern.picture if isinstance(pattern, Shared) else None)
    remainder = pack_places(places, replace(scene, delta=nominal))
    digests = pixel_digest(original), pixel_digest(marked)
    kind, text = (marked.dtype.str, marked.shape), "" if texture is None else texture.text
    return Record(image, file, *place, name, *digests, remainder, delta, *kind, form, text)


def restore(
    marked: StoredPixels, record: Record, rendering: Rendering, shared: Rendering | None = None
) -> StoredPixels:
    """The original pixels.

    Args:
        marked: the marked pixels, exactly as they were written.
        record: the image's record.
        rendering: the rendering it names.
        shared: the picture of the delta that it shares with others, where it refers to one.

    Raises:
        InputError: the record is damaged.
        KeyMismatchError: the pixels are another image's, or the result is not the original.
    """
    original = subtract_delta(unblend(marked, record, rendering, shared), record.delta, shared)
    if pixel_digest(original) != record.original:
        raise KeyMismatchError(f"{record.file}: the restored pixels are not the original's; the key is damaged")
    return original


def unblend(
    marked: StoredPixels, record: Record, rendering: Rendering, shared: Rendering | None = None
) -> StoredPixels:
    """The pixels without the mark, and still with their delta.

    Args:
        marked: as of `restore`.
        record: as of `restore`.
        rendering: as of `restore`.
        shared: as of `restore`.

    Raises:
        InputError: the record is damaged.
        KeyMismatchError: the pixels are another image's.
    """
    if record.shape and (marked.dtype.str, marked.shape) != (record.dtype, record.shape):
        raise KeyMismatchError(f"{record.file}: its pixels are not those that were written")
    place = record.x, record.y, record.alpha
    height, width = rendering.coverage.shape
    if record.y + height > marked.shape[0] or record.x + width > marked.shape[1]:
        raise InputError(f"{record.file}: its record places the logo outside of the image; the key is damaged")
    scene = _scene(marked, place, record.drawn(rendering), record.form)
    if needs_delta(record.remainder):
        scene = replace(scene, delta=nominal_delta(record.delta, marked.shape, shared))
    host = marked.copy()
    _region(host, place, rendering)[...] = scene.low + unpack_places(record.remainder, scene)
    return host


def _region(pixels: StoredPixels, place: tuple[int, int, int], rendering: Rendering) -> StoredPixels:
    """A view of the logo's rectangle."""
    (x, y, _), (height, width) = place, rendering.coverage.shape
    return pixels[y : y + height, x : x + width]


def _scene(marked: StoredPixels, place: tuple[int, int, int], rendering: Rendering, form: Form | None) -> Scene:
    """What is known of the host without the remainder, and without delta."""
    region = _region(marked, place, rendering)
    if form is not None and form.deep:
        return Scene(marked, *place[:2], *form.intervals(region, place[2], rendering))
    logo = rendering.rgb if region.ndim == 3 else rendering.rgb[..., 0]
    coverage = rendering.coverage[..., None] if region.ndim == 3 else rendering.coverage
    alpha = alpha_map(torch.from_numpy(coverage), torch.tensor(place[2])).expand(region.shape)
    low, counts = preimages(torch.from_numpy(region.copy()), torch.from_numpy(logo), alpha)
    return Scene(marked, *place[:2], low.numpy().astype(np.int64), counts.numpy().astype(np.int64))
