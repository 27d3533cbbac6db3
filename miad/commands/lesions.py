"""The options of lesion masks, and the networks they name."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from miad.errors import InputError
from miad.lesions import GivenMasks, GradCamMasks, LesionFinder, MaskSource, Place, Regions, SegmenterMasks
from miad.models import Classifier, find_checkpoint, load_segmenter
from miad.targets import Target, load_target
from miad.tasks import Kept, RoomOptions


@dataclass(frozen=True)
class LesionOptions:
    """How lesion masks are made, and what is kept free around them.

    Args:
        region: keep the box around every connected region free, or its very pixels.
        kept: keep the logo's whole rectangle off, or only its drawn pixels.
        margin: pixels around the lesions that are kept free as well.
        grow: share of the image's width by which masks are dilated before their regions are looked at.
        smallest: drop regions of at most this share of the image, lesions in them included; 0 drops none.
        merge: boxes that overlap by more than this (intersection over union) become one.
        threshold: shade of 255 from which a Grad-CAM heatmap counts as lesion.
        probability: from which a segmenter's answer does.
        layer: whose output Grad-CAM weighs; by default the backbone's last feature map.
        channels: share of its channels that Grad-CAM sums, the strongest.
        largest_scale: where there is no room, the logo shrinks in steps of 0.5 up to this scale; 1 keeps it as it is.
        largest_raise: then the thresholds of estimated masks rise in steps of 16 by at most this many shades; 0 keeps
            them as they are.
    """

    region: Literal["box", "pixel"] = "box"
    kept: Kept = "rectangle"
    margin: int = 0
    grow: float = 0.0
    smallest: float = 0.0
    merge: float = 0.5
    threshold: int = 190
    probability: float = 0.5
    layer: str | None = None
    channels: float = 1.0
    largest_scale: float = 4.0
    largest_raise: int = 48

    def __post_init__(self) -> None:
        """Refuse what no mask is cut at.

        Raises:
            InputError: the probability is not within 0..1.
        """
        if not 1 / 255 <= self.probability <= 1:
            raise InputError(f"expected a probability between 1/255 and 1, found {self.probability}")

    def room(self, place: Place) -> RoomOptions:
        """Where the logo may stand.

        Raises:
            InputError: an option is out of its range.
        """
        regions = Regions(self.region, self.grow, self.smallest, self.margin, self.merge)
        return RoomOptions(place, self.kept, regions, self.largest_scale, self.largest_raise)


DEFAULT_LESIONS = LesionOptions()
"""Boxes around the lesions stay free; the logo gives way before any threshold does."""


def mask_words(mask: str) -> list[str]:
    """The sources that an option names; a folder's name may hold a + of its own."""
    return [word.strip() for word in re.split(r"\+(?=\s*(?:given|gradcam|segmenter)\b|\s*$)", mask)]


def load_finder(mask: str, options: LesionOptions, sources: Sequence[Target], batch_size: int) -> LesionFinder:
    """The sources of lesion masks that an option names.

    Args:
        mask: ``given``, ``gradcam``, ``gradcam:FOLDER``, ``segmenter:FOLDER``, or several joined by ``+``.
        options: their thresholds.
        sources: where a plain ``gradcam`` finds its classifier.
        batch_size: images a forward pass of their networks.

    Raises:
        InputError: a word is wrong, or a network can not be read.
    """
    return LesionFinder([_source(word, options, sources) for word in mask_words(mask)], batch_size)


def _source(word: str, options: LesionOptions, sources: Sequence[Target]) -> MaskSource:
    kind, _, folder = word.partition(":")
    match kind, bool(folder):
        case "given", False:
            return GivenMasks()
        case "gradcam", True:
            return _gradcam([load_target(Path(folder))], options)
        case "gradcam", False:
            return _gradcam(sources, options)
        case "segmenter", True:
            return SegmenterMasks(load_segmenter(find_checkpoint(Path(folder))), round(255 * options.probability))
    raise InputError(
        f"expected a mask of given, gradcam, gradcam:FOLDER or segmenter:FOLDER, or several joined by +, found {word!r}"
    )


def _gradcam(targets: Sequence[Target], options: LesionOptions) -> GradCamMasks:
    """Of the first classifier that has a convolutional feature map."""
    refusal: InputError | None = None
    for target in targets:
        assert isinstance(target.network, Classifier)
        try:
            return GradCamMasks(target.network, options.threshold, options.layer, options.channels)
        except InputError as error:
            refusal = refusal or error
    raise refusal or InputError("expected a classifier for Grad-CAM, found none")
