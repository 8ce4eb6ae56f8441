"""Survival: net, relative, observed and cause-specific, exact by day."""

from rarecare.survival.estimate import estimate_survival
from rarecare.survival.plan import Standard, SurvivalPlan, survival_plan
from rarecare.survival.standards import named_standard
from rarecare.survival.survival import (
    cause_specific_survival,
    net_survival,
    observed_survival,
)

__all__ = [
    "Standard",
    "SurvivalPlan",
    "cause_specific_survival",
    "estimate_survival",
    "named_standard",
    "net_survival",
    "observed_survival",
    "survival_plan",
]
