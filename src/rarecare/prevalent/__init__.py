"""Prevalence: counted, complete, by phase of care, and in other populations."""

from rarecare.prevalent.complete import CompletePrevalence, complete_prevalence
from rarecare.prevalent.elsewhere import expected_prevalence
from rarecare.prevalent.empirical import empirical_complete_prevalence
from rarecare.prevalent.estimate import estimate_prevalence
from rarecare.prevalent.members import PrevalenceTally, tally_prevalence
from rarecare.prevalent.plan import PrevalencePlan
from rarecare.prevalent.prevalence import prevalence
from rarecare.prevalent.rare_disease import RareDisease, rare_disease_rule, rare_disease_table

__all__ = [
    "CompletePrevalence",
    "PrevalencePlan",
    "PrevalenceTally",
    "RareDisease",
    "complete_prevalence",
    "empirical_complete_prevalence",
    "estimate_prevalence",
    "expected_prevalence",
    "prevalence",
    "rare_disease_rule",
    "rare_disease_table",
    "tally_prevalence",
]
