"""Where to put the mark: strategies that ask for scores, and the pool that gets them for many images at once."""

from miad.search.base import Search, Strategy
from miad.search.basin_hopping import BasinHopping
from miad.search.basin_hopping_evolution import BasinHoppingEvolution
from miad.search.batches import Batches
from miad.search.differential_evolution import DifferentialEvolution
from miad.search.evolution import HE_SIT, HeuristicEvolution
from miad.search.flight import FIRST_SUCCESS, Flight, Outcome, Score, Status, Stop
from miad.search.grid_search import GridSearch
from miad.search.host import Host
from miad.search.learned_places import LEARNED, LearnedPlaces
from miad.search.learning import Answers, Lesson, learn
from miad.search.pool import Pool
from miad.search.presets import SEARCHES, name_of
from miad.search.random_search import RandomSearch
from miad.search.ranking import Ranking
from miad.search.space import Space, image_generator

__all__ = [
    "FIRST_SUCCESS",
    "HE_SIT",
    "LEARNED",
    "SEARCHES",
    "Answers",
    "BasinHopping",
    "BasinHoppingEvolution",
    "Batches",
    "DifferentialEvolution",
    "Flight",
    "GridSearch",
    "HeuristicEvolution",
    "Host",
    "LearnedPlaces",
    "Lesson",
    "Outcome",
    "Pool",
    "RandomSearch",
    "Ranking",
    "Score",
    "Search",
    "Space",
    "Status",
    "Stop",
    "Strategy",
    "image_generator",
    "learn",
    "name_of",
]
