"""Survival: net, relative and observed, exact by day."""

from rarecare.survival.estimate import estimate_survival
from rarecare.survival.plan import Standard, SurvivalPlan, survival_plan
from rarecare.survival.survival import named_standard, net_survival, observed_survival

__all__ = [
    "Standard",
    "SurvivalPlan",
    "estimate_survival",
    "named_standard",
    "net_survival",
    "observed_survival",
    "survival_plan",
]
