"""Images with labels: one file a data set, its reader and its few-line DataModule side by side."""

from miad.data.base import ImageDataModule, ImageDataset, Item, Split, collate_items
from miad.data.names import output_names
from miad.data.phantom import Phantom
from miad.data.table import Table

__all__ = ["ImageDataModule", "ImageDataset", "Item", "Phantom", "Split", "Table", "collate_items", "output_names"]
