"""Parse a DICOM file with pydicom, and say in one line what is wrong with one that is damaged or foreign."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from miad.errors import InputError

if TYPE_CHECKING:
    from pydicom import FileDataset

_MAGIC = b"DICM"
_PREAMBLE = 128
HEAD = _PREAMBLE + len(_MAGIC)
"""Bytes of a file that tell whether it is DICOM."""
PIXEL_DATA = 0x7FE00010
_LONGEST = 300
"""Characters of what a parser says."""
_WAY_OUT = "install what reads it with: pip install 'miad[dicom]'"


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins so is DICOM."""
    return head[_PREAMBLE:HEAD] == _MAGIC


def parse(data: bytes) -> FileDataset:
    """The data set of a whole file."""
    from pydicom import dcmread

    return dcmread(BytesIO(data))


def parse_tags(path: Path) -> FileDataset:
    """The data set of a file up to its pixels."""
    from pydicom import dcmread

    return dcmread(path, stop_before_pixels=True)


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Whatever goes wrong with a DICOM file, in one line that names it.

    Raises:
        InputError: something did.
    """
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except ModuleNotFoundError as error:
        raise InputError(f"{path}: a DICOM file, and {error.name} is not there; {_WAY_OUT}") from error
    except Exception as error:  # a parser that meets a damaged file may raise anything
        raise InputError(f"{path}: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    found = " ".join(str(error).partition("Traceback")[0].split())[:_LONGEST] or type(error).__name__
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if "missing dependencies" in found:
        return f"compressed DICOM pixels, and no decoder for them is there ({found}); {_WAY_OUT}"
    if "available plugins" in found:
        return (
            f"its compressed pixels can not be decoded ({found}); decompress the file first, for example with gdcmconv"
        )
    return f"can not be decoded ({found}); copy the file again, or leave it out"
