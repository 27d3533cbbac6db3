"""The papers' searches by the names that tables give them."""

from collections.abc import Mapping

from miad.search.base import Strategy
from miad.search.basin_hopping import BasinHopping
from miad.search.basin_hopping_evolution import BasinHoppingEvolution
from miad.search.differential_evolution import DifferentialEvolution
from miad.search.evolution import HE_SIT, HeuristicEvolution
from miad.search.grid_search import GridSearch
from miad.search.learned_places import LEARNED
from miad.search.random_search import RandomSearch

SEARCHES: Mapping[str, Strategy] = {
    "random": RandomSearch(),
    "grid": GridSearch(),
    "he": HeuristicEvolution(),
    "he_sit": HE_SIT,
    "bhe": BasinHoppingEvolution(),
    "bhe_random": BasinHoppingEvolution(mutation="random"),
    "basin_hopping": BasinHopping(),
    "de": DifferentialEvolution(),
    "learned": LEARNED,
}


def name_of(strategy: Strategy) -> str:
    """The name of a search in tables; that of its class where its settings are its own."""
    return next((name for name, preset in SEARCHES.items() if preset == strategy), type(strategy).__name__)
