"""Excess-hazard models: what explains survival."""

from rarecare.models.cells import Cells, excess_cells
from rarecare.models.decomposition import Decomposition, decompose
from rarecare.models.flexible import FlexibleFit, flexible_excess_hazard
from rarecare.models.poisson import PoissonFit, fit_poisson, poisson_excess_hazard

__all__ = [
    "Cells",
    "Decomposition",
    "FlexibleFit",
    "PoissonFit",
    "decompose",
    "excess_cells",
    "fit_poisson",
    "flexible_excess_hazard",
    "poisson_excess_hazard",
]
