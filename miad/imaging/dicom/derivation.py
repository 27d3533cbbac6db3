"""A DICOM image made from another one, as the standard has it (PS3.3 C.7.6.1.1 and C.12.4).

It says so, and has UIDs of its own. Whose image it is, and all else that is told of it, stays.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from miad.imaging.dicom.parsing import parse
from miad.imaging.dicom.reading import shell_of, written
from miad.imaging.dicom.shell import Shell
from miad.imaging.dicom.voi import write_window
from miad.imaging.digest import pixel_digest
from miad.imaging.stored import Stored
from miad.tensors import StoredPixels

if TYPE_CHECKING:
    from pydicom import Dataset, FileDataset
    from pydicom.uid import UID

_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")
_LONGEST = 1024
"""Characters of a short text."""


def derive(source: Stored, pixels: StoredPixels, done: str, run: str, *, burned_in: bool = False) -> Stored:
    """The image with other pixels, perhaps of another size, as a DICOM file that is derived from it.

    Equal arguments give equal bytes.

    Args:
        source: a DICOM image.
        pixels: of its depth.
        done: what was done to it, in a few words.
        run: the same for all images that are to share a series when their sources do.
        burned_in: whether there is something on the pixels now that is to be read.
    """
    assert source.shell is not None
    ds = parse(source.shell.fill(source.pixels))
    write_window(ds, source.pixels)
    _refer(ds)
    _describe(ds, done)
    if burned_in:
        ds.BurnedInAnnotation = "YES"
    _name(ds, pixels, run)
    _put(ds, pixels)
    shell = shell_of(written(ds), pixels)
    return replace(source, pixels=pixels, shell=shell)


def _refer(ds: FileDataset) -> None:
    """Name the image that this one is made from."""
    from pydicom import Dataset

    purpose = Dataset()
    purpose.CodeValue, purpose.CodingSchemeDesignator = "121322", "DCM"
    purpose.CodeMeaning = "Source image for image processing operation"
    source = Dataset()
    source.ReferencedSOPClassUID, source.ReferencedSOPInstanceUID = ds.SOPClassUID, ds.SOPInstanceUID
    source.PurposeOfReferenceCodeSequence = [purpose]
    ds.SourceImageSequence = [source]


def _describe(ds: Dataset, done: str) -> None:
    kind = ds.get("ImageType") or []
    ds.ImageType = ["DERIVED", "SECONDARY", *([] if isinstance(kind, str) else list(kind)[2:])]
    before = ds.get("DerivationDescription")
    ds.DerivationDescription = (f"{before}; {done}" if before else done)[-_LONGEST:]
    if "IconImageSequence" in ds:
        del ds.IconImageSequence  # a small picture of the source, without what was done to it


def _name(ds: FileDataset, pixels: StoredPixels, run: str) -> None:
    ds.SOPInstanceUID = _uid(ds.SOPInstanceUID, pixel_digest(pixels), run)
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.SeriesInstanceUID = _uid(ds.get("SeriesInstanceUID", ""), "series", run)


def _uid(*sources: str) -> UID:
    """A UID that depends on its sources alone: a UUID in decimal (PS3.5 B.2), of a hash."""
    from pydicom.uid import UID

    number = int.from_bytes(hashlib.sha256("\n".join(sources).encode()).digest()[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76  # version 8: made by a rule of its own
    return UID(f"2.25.{number & ~(3 << 62) | 2 << 62}")


def _put(ds: FileDataset, pixels: StoredPixels) -> None:
    """The pixels, and what is said of their number and levels."""
    rows, columns = pixels.shape[:2]
    for name in _SPACINGS:
        if ds.get(name) and (rows, columns) != (ds.Rows, ds.Columns):
            down, across = ds[name].value
            setattr(ds, name, [f"{down * ds.Rows / rows:.10g}", f"{across * ds.Columns / columns:.10g}"])
    ds.Rows, ds.Columns = rows, columns
    for name, level in (("SmallestImagePixelValue", pixels.min()), ("LargestImagePixelValue", pixels.max())):
        if name in ds:
            ds[name].VR, ds[name].value = "SS" if ds.PixelRepresentation else "US", int(level)
    planar = pixels.ndim == 3 and ds.PlanarConfiguration == 1
    data = Shell(b"", b"", not ds.file_meta.TransferSyntaxUID.is_little_endian, planar).encode(pixels)
    ds["PixelData"].value = data + b"\0" * (len(data) % 2)
