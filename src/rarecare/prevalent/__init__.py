"""Prevalence: counted, complete, by phase of care, and in other populations."""

from rarecare.prevalent.estimate import estimate_prevalence
from rarecare.prevalent.members import PrevalenceTally, tally_prevalence
from rarecare.prevalent.plan import PrevalencePlan
from rarecare.prevalent.prevalence import prevalence

__all__ = [
    "PrevalencePlan",
    "PrevalenceTally",
    "estimate_prevalence",
    "prevalence",
    "tally_prevalence",
]
