"""DICOM files: read, marked and given back with every tag."""

from miad.imaging.dicom.shell import Shell

__all__ = ["Shell"]
