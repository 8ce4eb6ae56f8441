"""Projection: what past rates say of the years to come, and how well they would have said it."""

from rarecare.projection.age_period_cohort import AgePeriodCohort, age_period_cohort
from rarecare.projection.back_test import back_test
from rarecare.projection.nordpred import Nordpred, nordpred, project_nordpred
from rarecare.projection.project import project
from rarecare.projection.simple import constant_rates, one_drift, share_of_family
from rarecare.projection.smooth import project_single_years

__all__ = [
    "AgePeriodCohort",
    "Nordpred",
    "age_period_cohort",
    "back_test",
    "constant_rates",
    "nordpred",
    "one_drift",
    "project",
    "project_nordpred",
    "project_single_years",
    "share_of_family",
]
