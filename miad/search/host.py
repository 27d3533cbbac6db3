"""What candidates are made of."""

from dataclasses import dataclass

from miad.tensors import Images
from miad.watermark import Atlas, Texture


@dataclass(frozen=True, eq=False)
class Host:
    """An image to be marked.

    Args:
        pixels: uint8 ``(3, h, w)``.
        label: index of its class.
        atlas: the logo and its variants for images of its size, on the pixels' device; hosts that share one are
            composited together.
        texture: what the logo wears on it, of the atlas's box, likewise; hosts of one atlas all have one, or none.
    """

    pixels: Images
    label: int
    atlas: Atlas
    texture: Texture | None = None
