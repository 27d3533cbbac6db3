"""Images with labels: one file a data set, its reader and its few-line DataModule side by side."""

from miad.data.base import ImageDataModule, ImageDataset, Item, Split, collate_items
from miad.data.btmri import BTMRI
from miad.data.content import content_digest
from miad.data.eyepacs import EyePACS
from miad.data.folder import Folder
from miad.data.idrid import IDRiD, IDRiDLesions
from miad.data.isic2019 import ISIC2019
from miad.data.messidor import Messidor
from miad.data.names import output_names
from miad.data.phantom import Phantom
from miad.data.sample import choose_images
from miad.data.segmentation import SegmentationDataModule
from miad.data.table import Table

__all__ = [
    "BTMRI",
    "ISIC2019",
    "EyePACS",
    "Folder",
    "IDRiD",
    "IDRiDLesions",
    "ImageDataModule",
    "ImageDataset",
    "Item",
    "Messidor",
    "Phantom",
    "SegmentationDataModule",
    "Split",
    "Table",
    "choose_images",
    "collate_items",
    "content_digest",
    "output_names",
]
