"""Excess-hazard models: what explains survival."""

from rarecare.models.cells import Cells, excess_cells
from rarecare.models.decomposition import Decomposition, decompose
from rarecare.models.poisson import PoissonFit, fit_poisson, poisson_excess_hazard

__all__ = [
    "Cells",
    "Decomposition",
    "PoissonFit",
    "decompose",
    "excess_cells",
    "fit_poisson",
    "poisson_excess_hazard",
]
