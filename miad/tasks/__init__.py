"""LightningModules; each is glue between a network, a loss or a search, and the Trainer."""

from miad.tasks.arrays import Protected, protect, recover
from miad.tasks.attack import AttackTask
from miad.tasks.classifier import ClassifierTask
from miad.tasks.journal import Entry, Journal
from miad.tasks.learning import PlaceLearner, learning_queries
from miad.tasks.marking import Marking, MarkOptions
from miad.tasks.protection import Protection, delta_generator
from miad.tasks.remover import DEFAULT_RECIPE, RemoverRecipe, RemoverTask, Stage
from miad.tasks.room import Kept, Room, RoomOptions, find_rooms
from miad.tasks.segmenter import SegmenterTask
from miad.tasks.shares import ImagesToDo, wait_for_all
from miad.tasks.view import LesionView
from miad.tasks.writer import MarkingWriter

__all__ = [
    "DEFAULT_RECIPE",
    "AttackTask",
    "ClassifierTask",
    "Entry",
    "ImagesToDo",
    "Journal",
    "Kept",
    "LesionView",
    "MarkOptions",
    "Marking",
    "MarkingWriter",
    "PlaceLearner",
    "Protected",
    "Protection",
    "RemoverRecipe",
    "RemoverTask",
    "Room",
    "RoomOptions",
    "SegmenterTask",
    "Stage",
    "delta_generator",
    "find_rooms",
    "learning_queries",
    "protect",
    "recover",
    "wait_for_all",
]
