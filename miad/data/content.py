"""What a data set holds, as one number."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

from miad.data.base import ImageDataset, Item
from miad.imaging import pixel_digest


def content_digest(dataset: ImageDataset) -> str:
    """sha256 (hex) of all that results depend on: ids, labels, pixels as they are worked on, lesion masks.

    Raises:
        InputError: an image can not be read.
    """
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # decoders and digests release the interpreter lock
        parts = pool.map(lambda index: _item_digest(dataset[index]), range(len(dataset)))
        return hashlib.sha256("".join(parts).encode()).hexdigest()


def _item_digest(item: Item) -> str:
    digest = hashlib.sha256(repr((item.id, item.label, item.grey, item.image.shape)).encode())
    digest.update(item.image.numpy().tobytes())
    if item.stored is not None:
        digest.update(f"{item.stored.kind} {pixel_digest(item.stored.pixels)} {item.stored.window}".encode())
        digest.update(b"" if item.stored.shell is None else item.stored.shell.before + item.stored.shell.after)
    if item.lesion is not None:
        digest.update(item.lesion.numpy().tobytes())
    return digest.hexdigest()
