"""Take the marks off a folder of images, and say which could not be restored and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from miad.errors import InputError, KeyMismatchError
from miad.imaging import pixel_digest, read_image, write_png
from miad.keys.file import Key
from miad.keys.record import Record, restore

_PICTURES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp"}


@dataclass(frozen=True)
class Recovery:
    """What became of one file.

    Args:
        file: its path below the folder of marked images.
        problem: why it was not restored; empty when it was, bit for bit.
    """

    file: str
    problem: str = ""


def recover_folder(key: Key, marked: Path, out: Path) -> Iterator[Recovery]:
    """Restore every image of a folder that the key knows; go on past those that it can not.

    A file is known by its pixels, whatever its name. One whose pixels are not those that were written, or that is
    missing, is reported.

    Args:
        key: the key.
        marked: folder of marked images.
        out: folder for the originals, as PNG under the same relative names.

    Yields:
        One result a file of the folder, then one a record that no file answered to.

    Raises:
        RunError: the folder ``out`` can not be written.
    """
    by_stem = {Path(record.file).with_suffix(""): record for record in key.records.values()}
    left = set(key.records)
    for path in sorted(path for path in marked.rglob("*") if path.is_file() and not path.name.startswith(".")):
        file = path.relative_to(marked).as_posix()
        record, problem = _recover(
            key, path, by_stem.get(Path(file).with_suffix("")), out / Path(file).with_suffix(".png")
        )
        if record is not None:
            left.discard(record.marked)
        elif path.suffix.lower() not in _PICTURES:
            continue  # the folder may hold other things beside the images
        yield Recovery(file, problem)
    for record in sorted((key.records[digest] for digest in left), key=lambda record: record.file):
        yield Recovery(record.file, "no such file in the folder of marked images")


def _recover(key: Key, path: Path, namesake: Record | None, out: Path) -> tuple[Record | None, str]:
    """The record that a file answers to, by pixels or at least by name, and why it was not restored."""
    try:
        pixels = read_image(path)
        record = key.records.get(pixel_digest(pixels))
        if record is None:
            return namesake, _why_unknown(namesake)
        write_png(out, restore(pixels, record, key.renderings[record.rendering]))
    except (InputError, KeyMismatchError) as error:
        return namesake, str(error)
    return record, ""


def _why_unknown(namesake: Record | None) -> str:
    if namesake is None:
        return "not an image of this key"
    return "its pixels are not those that were written (edited, resized or re-saved); get the file again"
