"""What a mark that was searched on the 8-bit view becomes in the image's own depth."""

import numpy as np

from miad.data import Item, stored_of
from miad.imaging import from_tensor, to_tensor
from miad.tensors import Images, StoredPixels
from miad.watermark import Placement, Rendering, blend_stored


def stored_host(item: Item, host: Images) -> StoredPixels:
    """The image with its delta, as its file would hold it.

    Args:
        item: the image.
        host: uint8 ``(3, h, w)``, its view with a delta, or as it is.
    """
    if not is_deep(item):
        return from_tensor(host, grey=item.grey)
    original = stored_of(item)
    added = from_tensor(host, grey=item.grey).astype(np.int64) - from_tensor(item.image, grey=item.grey)
    if not added.any():
        return original.pixels
    # A level of the view is so many levels of the file; where they are added, all that is seen lies in the window.
    black, white = original.ends
    step = np.rint(added * ((white - black) / 255)).astype(np.int64)
    lowest, highest = min(black, white), max(black, white)
    protected = (original.pixels.astype(np.int64).clip(lowest, highest) + step).clip(lowest, highest)
    return np.where(added != 0, protected, original.pixels).astype(original.pixels.dtype)


def stored_mark(item: Item, host: StoredPixels, marked: Images, place: Placement, rendering: Rendering) -> StoredPixels:
    """The marked image, as its file will hold it.

    Args:
        item: the image.
        host: as of `stored_host`.
        marked: uint8 ``(3, h, w)``, the mark on its view.
        place: one placement.
        rendering: the logo there.
    """
    if not is_deep(item):
        return from_tensor(marked, grey=item.grey)
    x, y, alpha, _ = place.rows()[0].tolist()
    return blend_stored(host, rendering, (x, y, alpha), stored_of(item).ends)


def marked_view(item: Item, host: Images, place: Placement, rendering: Rendering) -> Images:
    """What will be seen of a marked file of other levels than are seen, uint8 ``(3, h, w)``; for others see `blend`.

    Args:
        item: the image.
        host: uint8 ``(3, h, w)``, its view with a delta, or as it is.
        place: one placement.
        rendering: the logo there.
    """
    marked = stored_mark(item, stored_host(item, host), host, place, rendering)
    return to_tensor(stored_of(item).window.view(marked))


def is_deep(item: Item) -> bool:
    """Whether the file holds other levels than those that are seen."""
    return item.stored is not None and item.stored.deep
