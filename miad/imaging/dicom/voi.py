"""The window of a DICOM image: its first VOI window, in stored levels (DICOM PS3.3 C.11.2.1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from miad.errors import InputError
from miad.imaging.window import Window, extremes
from miad.tensors import StoredPixels

if TYPE_CHECKING:
    from pydicom import FileDataset

_DIGITS = 16
"""The longest decimal string that DICOM allows."""


def window_of(ds: FileDataset, pixels: StoredPixels) -> Window:
    """How an image is seen: its first window, else from its darkest to its brightest pixel; colour as it is.

    Raises:
        InputError: the window can not be told in stored levels.
    """
    bits: int = ds.BitsStored
    if ds.SamplesPerPixel == 3:
        return Window(0, (1 << bits) - 1)
    if not has_window(ds) and ds.BitsAllocated == 8 and not ds.PixelRepresentation:
        seen = Window(0, (1 << bits) - 1)
    else:
        seen = _stored_window(ds, *_values(ds, pixels))
    return Window(seen.white, seen.black) if ds.PhotometricInterpretation == "MONOCHROME1" else seen


def has_window(ds: FileDataset) -> bool:
    """Whether a data set says how it is to be seen."""
    return bool(_first(ds, "WindowCenter")) and bool(_first(ds, "WindowWidth"))


def write_window(ds: FileDataset, pixels: StoredPixels) -> None:
    """Let a data set that does not say how it is to be seen say what `window_of` takes for it.

    Args:
        ds: is changed.
        pixels: those that the window is of.
    """
    if ds.SamplesPerPixel == 1 and not has_window(ds) and (ds.BitsAllocated > 8 or ds.PixelRepresentation):
        ds.WindowCenter, ds.WindowWidth = _values(ds, pixels)


def _values(ds: FileDataset, pixels: StoredPixels) -> tuple[str, str]:
    """Centre and width as they are written, or would be."""
    if has_window(ds):
        return _first(ds, "WindowCenter"), _first(ds, "WindowWidth")
    padding = ds.get("PixelPaddingValue")
    shown = pixels if padding is None else pixels[pixels != padding]
    ends = extremes(shown if shown.size else pixels)
    slope, intercept = _rescale(ds)
    low, high = sorted(slope * end + intercept for end in (ends.black, ends.white))
    return _decimal((low + high + 1) / 2), _decimal(high - low + 1)


def _stored_window(ds: FileDataset, centre: str, width: str) -> Window:
    """The stored levels that are seen as black and white, by the linear function of the standard."""
    slope, intercept = _rescale(ds)
    middle, across = float(centre), float(width)
    if ds.get("VOILUTFunction", "LINEAR") != "LINEAR_EXACT":  # a sigmoid is taken by its centre and width
        middle, across = middle - 0.5, across - 1
    across = max(across, 1.0)
    if not slope or across != across or middle != middle:
        raise InputError(f"expected a window and a rescale slope, found {centre}, {width} and {slope:g}")
    ends = ((middle + half * across - intercept) / slope for half in (-0.5, 0.5))
    # A negative slope turns the image about: the lower stored levels are the brighter ones.
    return Window(*ends)


def _rescale(ds: FileDataset) -> tuple[float, float]:
    if "ModalityLUTSequence" in ds:
        raise InputError("expected levels on a line, found a modality table, which is none; apply it first")
    slope, intercept = ds.get("RescaleSlope"), ds.get("RescaleIntercept")
    return 1.0 if slope is None else float(slope), 0.0 if intercept is None else float(intercept)


def _first(ds: FileDataset, name: str) -> str:
    """The first value of a decimal string as it is written; empty where there is none."""
    value = ds.get(name)
    if value is None or isinstance(value, str):
        return value or ""
    values = list(value) if hasattr(value, "__iter__") else [value]
    return str(values[0]) if values else ""


def _decimal(value: float) -> str:
    """A number as a decimal string, as near as its length allows."""
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    return next(text for digits in range(_DIGITS, 0, -1) if len(text := f"{value:.{digits}g}") <= _DIGITS)
