"""What one image costs in a key."""

import io
from math import nan
from typing import NamedTuple

from PIL import Image
from torch import Tensor

from miad.data import DrawnMark, Item
from miad.imaging import from_tensor
from miad.keys import Pattern, Record, make_record, rendering_digest
from miad.tensors import Pixels


class Host(NamedTuple):
    """What an attack put a mark on."""

    image: Tensor
    """uint8 ``(3, h, w)``: the image with its delta."""
    record: Record


class Subject(NamedTuple):
    """An image, and the mark that it gets in every case."""

    item: Item
    mark: DrawnMark
    host: Host | None = None
    """None where only the mark was read of the attack."""


class KeySize(NamedTuple):
    """Bytes of one image."""

    delta_bytes: float
    """Its delta, packed."""
    remainder_bytes: float
    """What blending lost to rounding, packed."""
    record_bytes: float
    """Its whole record, delta and remainder included; age adds a few hundred bytes of its own, which vary."""
    png_bytes: float
    """The original, as a PNG."""


UNKNOWN = KeySize(nan, nan, nan, nan)


def key_size(subject: Subject, protected: Tensor, marked: Tensor, pattern: Pattern | None) -> KeySize:
    """Make the record that a key would hold, and measure it.

    Args:
        subject: the image and its mark.
        protected: uint8 ``(3, h, w)``, the image with delta.
        marked: the same with the mark.
        pattern: what delta was made of.
    """
    item, mark, grey = subject.item, subject.mark, subject.item.grey
    original, host, pixels = (from_tensor(image, grey=grey) for image in (item.image, protected, marked))
    place, name = (mark.x, mark.y, mark.alpha), rendering_digest(mark.rendering)
    file = f"{item.id}.png"
    record = make_record(item.id, file, original, host, pixels, place, mark.rendering, name, pattern=pattern)
    return record_size(record, original)


def record_size(record: Record, original: Pixels) -> KeySize:
    """Measure a record.

    Args:
        record: of the image.
        original: uint8 ``(h, w)`` or ``(h, w, 3)``.
    """
    png = io.BytesIO()
    Image.fromarray(original).save(png, format="png")
    return KeySize(len(record.delta), len(record.remainder), len(record.to_bytes()), png.tell())
