"""Incidence: rates, their limits, and the rule that says what is rare."""

from rarecare.incidence.estimate import estimate_incidence, incidence, incidence_table
from rarecare.incidence.plan import IncidencePlan, incidence_plan
from rarecare.incidence.rarity import Rarity, rarity_rule, rarity_table
from rarecare.incidence.tally import tally_incidence

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
