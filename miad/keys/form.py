"""How an image lies in its file, where that is more than 8-bit pixels: the part of a record that undoing needs then."""

from dataclasses import dataclass, field
from typing import Any, Self

from miad.errors import KeyMismatchError
from miad.imaging import Shell, Stored
from miad.tensors import StoredPixels
from miad.watermark import Rendering, alpha_levels, logo_levels, preimages_stored
from miad.watermark.deep import Levels

_SEEN = (0, 255)


@dataclass(frozen=True)
class Form:
    """Levels, and the rest of a DICOM file.

    Args:
        ends: the stored levels of black and white.
        limits: lowest and highest level that the file can store.
        shell: of a DICOM file, packed; empty for others.
        file: sha256 (hex) of the original DICOM file; empty for others.
    """

    ends: tuple[int, int]
    limits: tuple[int, int]
    shell: bytes = field(default=b"", repr=False)
    file: str = ""

    @property
    def deep(self) -> bool:
        """Whether the levels of the file are others than those that are seen."""
        return (self.ends, self.limits) != (_SEEN, _SEEN)

    @classmethod
    def of(cls, original: Stored) -> Self | None:
        """The form of an original; None where 8-bit pixels are all there is to it."""
        if original.shell is not None:
            packed, digest = original.shell.pack(), original.shell.digest(original.pixels)
            return cls(original.ends, original.limits, packed, digest)
        form = cls(original.ends, original.limits)
        return form if form.deep else None

    def intervals(self, region: StoredPixels, alpha: int, rendering: Rendering) -> tuple[Levels, Levels]:
        """Lowest host level and number of host levels of each sample of the logo's rectangle."""
        grey = region.ndim == 2
        logo, levels = logo_levels(rendering, self.ends, grey=grey), alpha_levels(rendering, alpha, grey=grey)
        return preimages_stored(region, logo, levels, self.ends, self.limits)

    def original_shell(self, pixels: StoredPixels) -> Shell | None:
        """The rest of the DICOM file of these original pixels; None for other files.

        Raises:
            InputError: it is damaged.
            KeyMismatchError: it is not that of these pixels.
        """
        if not self.shell:
            return None
        shell = Shell.unpack(self.shell)
        if shell.digest(pixels) != self.file:
            raise KeyMismatchError("the restored tags are not the original's; the key is damaged")
        return shell

    def to_fields(self) -> dict[str, Any]:
        """As it stands in a record; its shell by its length."""
        return {"ends": self.ends, "limits": self.limits, "shell": len(self.shell), "file": self.file}

    @classmethod
    def from_fields(cls, fields: dict[str, Any], data: bytes) -> tuple[Self, bytes]:
        """Inverse of `to_fields`: the form whose shell the data begin with, and the rest of the data.

        Raises:
            ValueError: they are damaged.
        """
        length, file = fields["shell"], fields["file"]
        ends, limits = tuple(fields["ends"]), tuple(fields["limits"])
        numbers = (length, *ends, *limits)
        if not all(type(number) is int for number in numbers) or len(numbers) != 5 or not isinstance(file, str):
            raise ValueError("expected levels in the form of an image")
        sound = max(map(abs, (*ends, *limits))) <= 1 << 16 and limits[0] < limits[1] and 0 <= length <= len(data)
        if not sound or len(fields) != 4:
            raise ValueError("expected levels of 16 bits in the form of an image")
        return cls(ends, limits, data[:length], file), data[length:]
