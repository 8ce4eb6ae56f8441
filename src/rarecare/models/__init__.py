"""Excess-hazard models: what explains survival."""

from rarecare.models.cells import Cells, excess_cells
from rarecare.models.crude import crude_probabilities, goodness
from rarecare.models.cure import CureFit, cure_model
from rarecare.models.decomposition import Decomposition, decompose
from rarecare.models.determinants import Determinants, explain_differences
from rarecare.models.flexible import FlexibleFit, flexible_excess_hazard
from rarecare.models.funnel import funnel
from rarecare.models.hazard import HazardFit, hazard_model
from rarecare.models.imputation import Pooled, impute, rubin
from rarecare.models.persons import persons
from rarecare.models.poisson import PoissonFit, fit_poisson, poisson_excess_hazard

__all__ = [
    "Cells",
    "CureFit",
    "Decomposition",
    "Determinants",
    "FlexibleFit",
    "HazardFit",
    "PoissonFit",
    "Pooled",
    "crude_probabilities",
    "cure_model",
    "decompose",
    "excess_cells",
    "explain_differences",
    "fit_poisson",
    "flexible_excess_hazard",
    "funnel",
    "goodness",
    "hazard_model",
    "impute",
    "persons",
    "poisson_excess_hazard",
    "rubin",
]
