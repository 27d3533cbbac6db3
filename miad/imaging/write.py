"""Write pixels as PNG, the one format that every viewer reads and that loses nothing."""

from pathlib import Path

from PIL import Image

from miad.imaging.files import atomic_path
from miad.tensors import Pixels


def write_png(path: Path, pixels: Pixels) -> None:
    """Write uint8 ``(h, w)`` or ``(h, w, 3)`` pixels; the file appears whole or not at all.

    Raises:
        RunError: the folder can not be written.
    """
    with atomic_path(path) as draft:
        Image.fromarray(pixels).save(draft, format="png")
