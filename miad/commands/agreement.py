"""Do the data and the networks speak of the same things?"""

from collections.abc import Collection, Sequence

from miad.data import ImageDataModule
from miad.errors import InputError


def check_classes(data: ImageDataModule, name: str, classes: Sequence[str]) -> None:
    """A classifier must tell apart the data's classes, in the same order.

    Raises:
        InputError: it does not.
    """
    if tuple(classes) != tuple(data.classes):
        raise InputError(
            f"{name} tells {len(classes)} classes apart ({', '.join(classes)}), the data have {len(data.classes)} "
            f"({', '.join(data.classes)}); name all of its classes with --data.classes, or take another classifier"
        )


def check_kinds(data: ImageDataModule, name: str, kinds: Sequence[str]) -> None:
    """A segmenter must find the kinds of lesions that the data's masks show, in the same order.

    Raises:
        InputError: it does not.
    """
    if tuple(kinds) != tuple(data.kinds):
        raise InputError(
            f"{name} finds {', '.join(kinds)}, the data have masks of {', '.join(data.kinds)}; name the masks of its "
            "kinds with --data.kinds, or take another segmenter"
        )


def check_size(data: ImageDataModule, sizes: Collection[int]) -> None:
    """Images that are resized beforehand must get a size that some classifier reads, else all would be resized twice.

    Raises:
        InputError: they do not.
    """
    if data.size is not None and data.size not in sizes:
        expected = " or ".join(map(str, sorted(set(sizes))))
        raise InputError(
            f"expected images of the size that the classifier reads, {expected}, found {data.size}; "
            "leave out --data.size to take the images as they are"
        )
