"""Incidence: rates and their limits, trends, expected cases, and what is rare."""

from rarecare.rates.change import annual_change
from rarecare.rates.estimate import estimate_incidence, incidence, incidence_table
from rarecare.rates.expected import expected_cases
from rarecare.rates.joinpoint import joinpoint
from rarecare.rates.plan import IncidencePlan, incidence_plan
from rarecare.rates.rarity import Rarity, rarity_rule, rarity_table
from rarecare.rates.ratios import compare_rates, compare_ratios, standardised_ratio
from rarecare.rates.tally import tally_incidence
from rarecare.rates.trend import estimate_trend, trend

__all__ = [
    "IncidencePlan",
    "Rarity",
    "annual_change",
    "compare_rates",
    "compare_ratios",
    "estimate_incidence",
    "estimate_trend",
    "expected_cases",
    "incidence",
    "incidence_plan",
    "incidence_table",
    "joinpoint",
    "rarity_rule",
    "rarity_table",
    "standardised_ratio",
    "tally_incidence",
    "trend",
]
