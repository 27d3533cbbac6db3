"""Grades of diabetic retinopathy, as they are or as the binary question of screening."""

from collections.abc import Sequence

_REFERABLE = 2
"""From this grade on, screening programmes refer a patient to an ophthalmologist."""


def grade_classes(highest: int, *, referable: bool) -> tuple[str, ...]:
    """Class names in the order of the logits: grades ``0`` to ``highest``, or the two of screening."""
    return ("not referable", "referable") if referable else tuple(map(str, range(highest + 1)))


def grade_labels(grades: Sequence[int], *, referable: bool) -> list[int]:
    """The class of every grade."""
    return [int(grade >= _REFERABLE) for grade in grades] if referable else list(grades)
