"""The perturbation delta, which makes a mark hard to remove: disruptive, inert, or noise to compare with."""

from miad.vaccine.objective import Marker
from miad.vaccine.options import PAPER, VaccineName, VaccineOptions
from miad.vaccine.vaccine import Vaccinated, Vaccine

__all__ = ["PAPER", "Marker", "Vaccinated", "Vaccine", "VaccineName", "VaccineOptions"]
