"""Survival: net, relative, observed and cause-specific, exact by day, and what follows from it."""

from rarecare.survival.comparison import net_survival_test, survival_contrasts
from rarecare.survival.conditional import conditional_survival, estimate_conditional
from rarecare.survival.estimate import estimate_survival
from rarecare.survival.interval_survival import interval_survival
from rarecare.survival.lifetime import life_years_lost
from rarecare.survival.mortality import crude_mortality, expected_survival, life_years
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
    "conditional_survival",
    "crude_mortality",
    "estimate_conditional",
    "estimate_survival",
    "expected_survival",
    "interval_survival",
    "life_years",
    "life_years_lost",
    "named_standard",
    "net_survival",
    "net_survival_test",
    "observed_survival",
    "survival_contrasts",
    "survival_plan",
]
