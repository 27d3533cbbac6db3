"""Images with labels: one file a data set, its reader and its few-line DataModule side by side."""

from miad.data.arrays import ArrayDataset
from miad.data.base import ImageDataModule, ImageDataset, Item, Split, collate_items, stored_of
from miad.data.btmri import BTMRI
from miad.data.content import content_digest
from miad.data.eyepacs import EyePACS
from miad.data.folder import Folder
from miad.data.idrid import IDRiD, IDRiDLesions
from miad.data.isic2019 import ISIC2019
from miad.data.messidor import Messidor
from miad.data.names import marked_names, output_names
from miad.data.pairs import MarkedPairs, Pair, PairDataModule, collate_pairs, make_pair
from miad.data.phantom import Phantom
from miad.data.random_marks import DEFAULT_PAIRS, DrawnMark, MarkRanges, PairOptions, RandomMarker, draw_mark
from miad.data.sample import choose_images, some_alike, spread
from miad.data.segmentation import SegmentationDataModule
from miad.data.table import Table

__all__ = [
    "BTMRI",
    "DEFAULT_PAIRS",
    "ISIC2019",
    "ArrayDataset",
    "DrawnMark",
    "EyePACS",
    "Folder",
    "IDRiD",
    "IDRiDLesions",
    "ImageDataModule",
    "ImageDataset",
    "Item",
    "MarkRanges",
    "MarkedPairs",
    "Messidor",
    "Pair",
    "PairDataModule",
    "PairOptions",
    "Phantom",
    "RandomMarker",
    "SegmentationDataModule",
    "Split",
    "Table",
    "choose_images",
    "collate_items",
    "collate_pairs",
    "content_digest",
    "draw_mark",
    "make_pair",
    "marked_names",
    "output_names",
    "some_alike",
    "spread",
    "stored_of",
]
