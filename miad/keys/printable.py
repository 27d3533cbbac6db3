"""Text that strangers chose: it may hold what moves a terminal's cursor."""


def check_printable(*names: str) -> None:
    """Every letter of every name can be printed.

    Raises:
        ValueError: one can not.
    """
    if not all(name.isprintable() for name in names):
        raise ValueError("expected a printable name")
