"""A DICOM file without its pixels: every other byte of it, so that the same pixels make the same file again."""

import hashlib
import json
import zlib
from dataclasses import dataclass, field
from typing import Self

from miad.errors import InputError
from miad.tensors import StoredPixels

_LARGEST = 1 << 28
"""Bytes; what a damaged key says is not to fill the memory."""


@dataclass(frozen=True)
class Shell:
    """What stands before and after the pixels of an uncompressed DICOM file.

    Args:
        before: bytes of the file up to the pixels.
        after: bytes of the file behind them.
        big_endian: order of the bytes of a sample.
        planar: whether the pixels are three planes, one a colour.
    """

    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    big_endian: bool = False
    planar: bool = False

    def fill(self, pixels: StoredPixels) -> bytes:
        """The file with these pixels."""
        return self.before + self.encode(pixels) + self.after

    def encode(self, pixels: StoredPixels) -> bytes:
        """Pixels as they lie in the file."""
        planes = pixels.transpose(2, 0, 1) if self.planar and pixels.ndim == 3 else pixels
        return planes.astype(planes.dtype.newbyteorder(">" if self.big_endian else "<")).tobytes()

    def digest(self, pixels: StoredPixels) -> str:
        """sha256 (hex) of the file with these pixels."""
        return hashlib.sha256(self.fill(pixels)).hexdigest()

    def pack(self) -> bytes:
        """As it is kept in a key."""
        head = {"before": len(self.before), "big_endian": self.big_endian, "planar": self.planar}
        return zlib.compress(json.dumps(head, sort_keys=True).encode() + b"\n" + self.before + self.after, 9)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Inverse of `pack`.

        Raises:
            InputError: the data are damaged.
        """
        stream = zlib.decompressobj()
        try:
            head, _, body = stream.decompress(data, _LARGEST).partition(b"\n")
            fields = json.loads(head)
            length, big_endian, planar = (fields[name] for name in ("before", "big_endian", "planar"))
            if not stream.eof or type(length) is not int or not 0 <= length <= len(body):
                raise ValueError("the shell is cut off")
        except (zlib.error, ValueError, TypeError, KeyError, RecursionError):
            raise InputError("the tags of an image in the key are damaged") from None
        return cls(body[:length], body[length:], bool(big_endian), bool(planar))
