"""What candidates are made of."""

from dataclasses import dataclass

from miad.tensors import Images
from miad.watermark import Atlas


@dataclass(frozen=True, eq=False)
class Host:
    """An image to be marked.

    Args:
        pixels: uint8 ``(3, h, w)``.
        label: index of its class.
        atlas: the logo and its variants for images of its size, on the pixels' device; hosts that share one are
            composited together.
    """

    pixels: Images
    label: int
    atlas: Atlas
