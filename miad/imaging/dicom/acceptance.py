"""Which DICOM images can be marked and given back bit for bit, and why the others can not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from miad.errors import InputError

if TYPE_CHECKING:
    from pydicom import FileDataset

_COLOURS = {"MONOCHROME1": 1, "MONOCHROME2": 1, "RGB": 3, "YBR_RCT": 3}
"""Samples a pixel of the interpretations that need no conversion, or one that can be undone."""
_MOST_PIXELS = 178_956_970
"""As Pillow has it: what is larger is taken for an attempt to fill the memory."""


def check_accepted(ds: FileDataset) -> None:
    """One frame of grey or RGB integers, with nothing drawn over them.

    Raises:
        InputError: it is something else; says what.
    """
    _check_is_image(ds)
    _check_colour(ds)
    _check_samples(ds)
    pixels = ds.Rows * ds.Columns
    if not 0 < pixels <= _MOST_PIXELS:
        raise InputError(f"expected up to {_MOST_PIXELS} pixels, found {ds.Columns}x{ds.Rows}; the file is damaged")
    syntax = ds.file_meta.TransferSyntaxUID
    expected = pixels * ds.SamplesPerPixel * ds.BitsAllocated // 8
    if "PixelData" in ds and not syntax.is_encapsulated and len(ds.PixelData) < expected:
        raise InputError(
            f"expected {expected} bytes of pixels for {ds.Columns}x{ds.Rows}, found {len(ds.PixelData)}; the file is "
            "cut off or damaged, copy it again"
        )


def _check_is_image(ds: FileDataset) -> None:
    if "TransferSyntaxUID" not in getattr(ds, "file_meta", {}):
        raise InputError("expected a DICOM file that names its transfer syntax, found none; the file is damaged")
    if "FloatPixelData" in ds or "DoubleFloatPixelData" in ds:
        raise InputError(
            "expected pixels of whole numbers, found floating-point pixels, which can not be marked exactly"
        )
    if "Rows" not in ds or "Columns" not in ds:
        raise InputError("expected a DICOM image, found a DICOM file without pixels; take it out")
    if not (ds.get("SOPClassUID") and ds.get("SOPInstanceUID")):
        raise InputError("expected an image with a SOP class and instance UID, found none; the file is damaged")
    if int(ds.get("NumberOfFrames") or 1) > 1:
        raise InputError(f"expected one image, found {ds.NumberOfFrames} frames; split the file first")
    if any(tag.group & 0xFF00 == 0x6000 and tag.group % 2 == 0 for tag in ds.keys()):  # noqa: SIM118 (it is no dict)
        raise InputError("expected pixels alone, found an overlay, which viewers draw over a mark; take it out first")


def _check_colour(ds: FileDataset) -> None:
    colour, samples = ds.PhotometricInterpretation, ds.SamplesPerPixel
    if colour not in _COLOURS:
        raise InputError(
            f"expected MONOCHROME1, MONOCHROME2, RGB or YBR_RCT, found {colour}, which can not be turned to RGB and "
            "back exactly; convert the file to RGB first"
        )
    if samples != _COLOURS[colour]:
        raise InputError(
            f"expected {_COLOURS[colour]} samples a pixel for {colour}, found {samples}; the file is damaged"
        )


def _check_samples(ds: FileDataset) -> None:
    allocated, stored = ds.BitsAllocated, ds.BitsStored
    if allocated not in (8, 16):
        raise InputError(f"expected 8 or 16 bits a sample, found {allocated}")
    if not 1 < stored <= allocated or ds.HighBit != stored - 1 or ds.PixelRepresentation not in (0, 1):
        raise InputError(
            f"expected samples in the lowest bits of {allocated}, found {stored} up to bit {ds.HighBit}, "
            f"representation {ds.PixelRepresentation}; rewrite the file first"
        )


def limits(ds: FileDataset) -> tuple[int, int]:
    """Lowest and highest level that the stored bits can hold."""
    bits: int = ds.BitsStored
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if ds.PixelRepresentation else (0, (1 << bits) - 1)
