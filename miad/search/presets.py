"""The papers' searches by the names that tables give them."""

from collections.abc import Mapping

from miad.search.base import Strategy
from miad.search.evolution import HE_SIT, HeuristicEvolution
from miad.search.random_search import RandomSearch

SEARCHES: Mapping[str, Strategy] = {"random": RandomSearch(), "he": HeuristicEvolution(), "he_sit": HE_SIT}
