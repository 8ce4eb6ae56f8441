"""Projection: age-period-cohort models, and what they say of the years to come."""
