"""LightningModules; each is glue between a network, a loss or a search, and the Trainer."""

from miad.tasks.arrays import Protected, protect, recover
from miad.tasks.attack import AttackTask
from miad.tasks.classifier import ClassifierTask
from miad.tasks.delta_learning import DeltaLearner, learn_delta, read_delta, write_delta
from miad.tasks.journal import Entry, Journal
from miad.tasks.learning import PlaceLearner, learning_queries
from miad.tasks.marking import Marking, MarkOptions
from miad.tasks.protection import Protection, delta_generator, pattern_of
from miad.tasks.remover import DEFAULT_RECIPE, RemoverRecipe, RemoverTask, Stage
from miad.tasks.room import Kept, Room, RoomOptions, find_rooms
from miad.tasks.run_secret import RunSecret
from miad.tasks.segmenter import SegmenterTask
from miad.tasks.shares import ImagesToDo, wait_for_all
from miad.tasks.view import LesionView
from miad.tasks.writer import MarkingWriter

__all__ = [
    "DEFAULT_RECIPE",
    "AttackTask",
    "ClassifierTask",
    "DeltaLearner",
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
    "RunSecret",
    "SegmenterTask",
    "Stage",
    "delta_generator",
    "find_rooms",
    "learn_delta",
    "learning_queries",
    "pattern_of",
    "protect",
    "read_delta",
    "recover",
    "wait_for_all",
    "write_delta",
]
