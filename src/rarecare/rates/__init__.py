"""Incidence: rates, their limits, and the rule that says what is rare."""

from rarecare.rates.estimate import estimate_incidence, incidence, incidence_table
from rarecare.rates.plan import IncidencePlan, incidence_plan
from rarecare.rates.rarity import Rarity, rarity_rule, rarity_table
from rarecare.rates.tally import tally_incidence

__all__ = [
    "IncidencePlan",
    "Rarity",
    "estimate_incidence",
    "incidence",
    "incidence_plan",
    "incidence_table",
    "rarity_rule",
    "rarity_table",
    "tally_incidence",
]
