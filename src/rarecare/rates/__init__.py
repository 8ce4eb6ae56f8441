"""Incidence: rates and their limits, trends, expected cases, and what is rare."""

from rarecare.rates.change import annual_change
from rarecare.rates.countries import estimate_hierarchical, hierarchical_incidence
from rarecare.rates.estimate import incidence, incidence_table
from rarecare.rates.expected import expected_cases
from rarecare.rates.gamma_poisson import GammaPoisson, gamma_poisson
from rarecare.rates.hierarchical import ShrunkenRates, shrunken_rates
from rarecare.rates.joinpoint import joinpoint
from rarecare.rates.plan import IncidencePlan, incidence_plan
from rarecare.rates.rarity import Rarity, rarity_rule, rarity_table
from rarecare.rates.ratios import compare_rates, compare_ratios, standardised_ratio
from rarecare.rates.table import estimate_incidence
from rarecare.rates.tally import tally_incidence
from rarecare.rates.trend import estimate_trend, trend

__all__ = [
    "GammaPoisson",
    "IncidencePlan",
    "Rarity",
    "ShrunkenRates",
    "annual_change",
    "compare_rates",
    "compare_ratios",
    "estimate_hierarchical",
    "estimate_incidence",
    "estimate_trend",
    "expected_cases",
    "gamma_poisson",
    "hierarchical_incidence",
    "incidence",
    "incidence_plan",
    "incidence_table",
    "joinpoint",
    "rarity_rule",
    "rarity_table",
    "shrunken_rates",
    "standardised_ratio",
    "tally_incidence",
    "trend",
]
