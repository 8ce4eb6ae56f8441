"""Excess-hazard models: what explains survival."""

from rarecare.models.cells import Cells, excess_cells
from rarecare.models.poisson import PoissonFit, fit_poisson, poisson_excess_hazard

__all__ = ["Cells", "PoissonFit", "excess_cells", "fit_poisson", "poisson_excess_hazard"]
