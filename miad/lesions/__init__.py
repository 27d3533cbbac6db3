"""What the mark must not cover."""

from miad.lesions.corners import allowed_corners

__all__ = ["allowed_corners"]
