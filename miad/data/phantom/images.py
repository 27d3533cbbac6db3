"""Phantom images: drawn stand-ins for medical images with a label and a lesion mask.

They need no download and no patient, and are schematic but recognisable: grey brain slices with one of
three tumours, and colour photographs of the retina with one of four grades of diabetic retinopathy.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from miad.data.phantom.brain import TUMOURS, draw_brain, render_brain
from miad.data.phantom.fundus import GRADES, draw_fundus, render_fundus

Kind = Literal["brain", "fundus"]

CLASSES: dict[Kind, tuple[str, ...]] = {"brain": TUMOURS, "fundus": GRADES}
KIND_NUMBERS: dict[Kind, int] = {"brain": 0, "fundus": 1}


@dataclass(frozen=True)
class PhantomImage:
    """One phantom image.

    Attributes:
        pixels: uint8 (h, w) grey for brain, (h, w, 3) RGB for fundus.
        label: Index into `CLASSES[kind]`.
        lesion_mask: bool (h, w), true on the tumour or on any of the retinal lesions.
    """

    pixels: NDArray[np.uint8]
    label: int
    lesion_mask: NDArray[np.bool_]


def draw_phantom(kind: Kind, size: int, seed: int, index: int) -> PhantomImage:
    """Draw one phantom image.

    The same (kind, seed, index) gives the same scene at every size.

    Args:
        kind: What the image shows.
        size: Side of the image in pixels, 32..1024.
        seed: Number of the data set, at least 0.
        index: Number of the image in the data set, at least 0.

    Returns:
        The image, its label and its lesion mask.
    """
    label = phantom_label(kind, seed, index)
    rng = np.random.default_rng([seed, index, KIND_NUMBERS[kind]])
    if kind == "brain":
        pixels, mask = render_brain(draw_brain(rng, label), size)
    else:
        pixels, mask = render_fundus(draw_fundus(rng, label), size)
    return PhantomImage(pixels, label, mask)


def phantom_label(kind: Kind, seed: int, index: int) -> int:
    """Label of one phantom image, without drawing it.

    Every block of as many indices as there are classes holds each class once, in a random order, so any
    run of images is balanced.

    Args:
        kind: What the image shows.
        seed: Number of the data set, at least 0.
        index: Number of the image in the data set, at least 0.

    Returns:
        Index into `CLASSES[kind]`.
    """
    count = len(CLASSES[kind])
    block, place = divmod(index, count)
    order = np.random.default_rng([seed, block, KIND_NUMBERS[kind], count]).permutation(count)
    return int(order[place])
