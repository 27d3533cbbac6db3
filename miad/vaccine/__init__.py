"""The perturbation delta, which makes a mark hard to remove: disruptive, inert, or noise to compare with."""

from miad.vaccine.near import around
from miad.vaccine.objective import Marker
from miad.vaccine.options import PAPER, Family, VaccineName, VaccineOptions
from miad.vaccine.seeded import SEED_BYTES, draw_seed, expand_seed
from miad.vaccine.universal import tile
from miad.vaccine.vaccine import Vaccinated, Vaccine

__all__ = [
    "PAPER",
    "SEED_BYTES",
    "Family",
    "Marker",
    "Vaccinated",
    "Vaccine",
    "VaccineName",
    "VaccineOptions",
    "around",
    "draw_seed",
    "expand_seed",
    "tile",
]
