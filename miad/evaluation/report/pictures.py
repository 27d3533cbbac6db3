"""Figures as files, and inside of a page."""

from base64 import b64encode

from miad.errors import InputError

_PNG = b"\x89PNG\r\n\x1a\n"
_TYPES = {".png": "image/png", ".svg": "image/svg+xml"}


def suffix(data: bytes) -> str:
    """``.png`` or ``.svg``.

    Raises:
        InputError: it is neither.
    """
    if data.startswith(_PNG):
        return ".png"
    if b"<svg" in data[:2000]:
        return ".svg"
    raise InputError(
        f"expected a figure in SVG or PNG, found data that begin with {data[:8]!r}; draw it as one of them"
    )


def data_uri(data: bytes) -> str:
    """A figure as the source of an ``<img>``; an SVG there runs no scripts, and its ids are its own."""
    return as_uri(_TYPES[suffix(data)], data)


def as_uri(kind: str, data: bytes) -> str:
    """Bytes of some media type as an address that needs no file."""
    return f"data:{kind};base64,{b64encode(data).decode()}"
