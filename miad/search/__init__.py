"""Where to put the mark: strategies that ask for scores, and the pool that gets them for many images at once."""

from miad.search.base import Search, Strategy
from miad.search.evolution import HE_SIT, HeuristicEvolution
from miad.search.pool import Outcome, Pool, Status
from miad.search.presets import SEARCHES
from miad.search.random_search import RandomSearch
from miad.search.space import Space, image_generator

__all__ = [
    "HE_SIT",
    "SEARCHES",
    "HeuristicEvolution",
    "Outcome",
    "Pool",
    "RandomSearch",
    "Search",
    "Space",
    "Status",
    "Strategy",
    "image_generator",
]
