"""Prevalence: counted, complete, by phase of care, and in other populations."""

from rarecare.prevalent.complete import CompletePrevalence, complete_prevalence
from rarecare.prevalent.estimate import estimate_prevalence
from rarecare.prevalent.members import PrevalenceTally, tally_prevalence
from rarecare.prevalent.plan import PrevalencePlan
from rarecare.prevalent.prevalence import prevalence

__all__ = [
    "CompletePrevalence",
    "PrevalencePlan",
    "PrevalenceTally",
    "complete_prevalence",
    "estimate_prevalence",
    "prevalence",
    "tally_prevalence",
]
