"""Read a DICOM image: its stored pixels, its window, and all the rest of its bytes.

A file that is not compressed comes back byte for byte. Of one that is, the pixels come back bit for bit, and every tag
but those that tell how pixels are packed: what goes out is never compressed again.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from miad.errors import InputError
from miad.imaging.dicom.acceptance import check_accepted, limits
from miad.imaging.dicom.parsing import PIXEL_DATA, parse, parse_tags, told
from miad.imaging.dicom.shell import Shell
from miad.imaging.dicom.voi import window_of
from miad.imaging.stored import Stored
from miad.tensors import StoredPixels

if TYPE_CHECKING:
    from pydicom import FileDataset


def read_dicom(path: Path) -> Stored:
    """Decode a DICOM file.

    Raises:
        InputError: it is damaged, or can not be marked and given back exactly; or what reads it is not installed.
    """
    with told(path):
        return stored_of(path.read_bytes())


def dicom_size(path: Path) -> tuple[int, int]:
    """Height and width, from the tags alone.

    Raises:
        InputError: as `read_dicom`, except that damaged pixels are not noticed.
    """
    with told(path):
        ds = parse_tags(path)
        check_accepted(ds)
        return ds.Rows, ds.Columns


def stored_of(data: bytes) -> Stored:
    """The image in the bytes of a whole file.

    Raises:
        InputError: as `read_dicom`, without the path.
    """
    ds = parse(data)
    check_accepted(ds)
    if "PixelData" not in ds:
        raise InputError("expected a DICOM image, found one without pixels; the file is cut off, copy it again")
    syntax = ds.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated or syntax.is_deflated:
        ds, data = decompressed(ds)
    pixels = _pixels(ds)
    return Stored(pixels, window_of(ds, pixels), limits(ds), "dicom", shell_of(data, pixels))


def decompressed(ds: FileDataset) -> tuple[FileDataset, bytes]:
    """A compressed file as one that is not, with the same tags: the data set and its bytes."""
    from pydicom.uid import ExplicitVRLittleEndian, RLELossless

    syntax = ds.file_meta.TransferSyntaxUID
    if syntax.is_encapsulated:
        # The RLE decoder of pylibjpeg ends the process's thread on a damaged file; pydicom's own says what is wrong.
        plugin = "pydicom" if syntax == RLELossless else ""
        ds.decompress(as_rgb=False, generate_instance_uid=False, decoding_plugin=plugin)
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = written(ds)
    return parse(data), data


def written(ds: FileDataset) -> bytes:
    """A data set as a file."""
    buffer = BytesIO()
    ds.save_as(buffer)
    return buffer.getvalue()


def shell_of(data: bytes, pixels: StoredPixels) -> Shell:
    """What is round the pixels in an uncompressed file.

    Raises:
        InputError: the pixels lie in it in another way than they can be written in.
    """
    from pydicom.dataelem import RawDataElement

    ds = parse(data)
    element = ds.get_item(PIXEL_DATA)
    if not isinstance(element, RawDataElement):
        raise InputError("expected pixels in one piece, found none; the file is damaged, copy it again")
    start = element.value_tell
    planar = pixels.ndim == 3 and ds.PlanarConfiguration == 1
    end = start + pixels.nbytes
    shell = Shell(data[:start], data[end:], not ds.file_meta.TransferSyntaxUID.is_little_endian, planar)
    if shell.fill(pixels) != data:
        raise InputError(
            "its pixels are packed in an unusual way (more bits than it says, swapped bytes) and could not be given "
            "back exactly; rewrite the file first"
        )
    return shell


def _pixels(ds: FileDataset) -> StoredPixels:
    from pydicom.pixels.utils import pixel_array

    pixels = pixel_array(ds, raw=True)
    low, high = limits(ds)
    if pixels.min() < low or pixels.max() > high:
        raise InputError(
            f"expected levels from {low} to {high} in {ds.BitsStored} bits, found {pixels.min()} to {pixels.max()}; "
            "something else is stored in the upper bits, clear them first"
        )
    return np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
