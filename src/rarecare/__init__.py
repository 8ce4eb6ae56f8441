"""The burden, survival and care of rare cancers, from cancer-registry files.

    import rarecare as rc

    cases = rc.read_cases("cases.csv")
    life_table = rc.LifeTable.read("lifetable.csv")
    rc.net_survival(cases, life_table, by=["sex"], at=[1, 5])

Names are imported when first used, so that ``import rarecare`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rarecare.care.compute import indicators
    from rarecare.care.computed_evidence import computed_evidence
    from rarecare.care.criteria import read_criteria
    from rarecare.care.dictionary_reading import study_kit
    from rarecare.care.incoming import read_incoming
    from rarecare.care.needs import care_needs
    from rarecare.care.pathways import pathways
    from rarecare.care.profile import profile_table
    from rarecare.care.sampling import draw_sample
    from rarecare.care.scenario import concentrate
    from rarecare.care.volume_tables import volumes
    from rarecare.codes.iccc import to_iccc
    from rarecare.codes.icd10 import to_icd10
    from rarecare.codes.rare_cancers import RareCancerList, default_list
    from rarecare.errors import RarecareError
    from rarecare.models import (
        cure_model,
        decompose,
        excess_cells,
        flexible_excess_hazard,
        hazard_model,
        persons,
        poisson_excess_hazard,
    )
    from rarecare.population.life_table import LifeTable
    from rarecare.population.population import Population
    from rarecare.portal.serve import serve
    from rarecare.prevalent import (
        complete_prevalence,
        empirical_complete_prevalence,
        expected_prevalence,
        prevalence,
        rare_disease_rule,
    )
    from rarecare.projection import age_period_cohort, back_test, project
    from rarecare.rates import (
        annual_change,
        compare_rates,
        compare_ratios,
        expected_cases,
        hierarchical_incidence,
        incidence,
        joinpoint,
        rarity_rule,
        shrunken_rates,
        standardised_ratio,
        trend,
    )
    from rarecare.registry import ExclusionRules, exclude, read_cases
    from rarecare.registry.classification import classify
    from rarecare.registry.events import read_events
    from rarecare.registry.multiple_primaries import find_primaries
    from rarecare.registry.quality import quality
    from rarecare.registry.report import check
    from rarecare.registry.submission import read_submission
    from rarecare.results import Result
    from rarecare.study import open_release, run_study, sensitivity
    from rarecare.survival import (
        cause_specific_survival,
        conditional_survival,
        crude_mortality,
        expected_survival,
        interval_survival,
        life_years,
        life_years_lost,
        net_survival,
        net_survival_test,
        observed_survival,
        survival_contrasts,
    )

_HOME = {
    "ExclusionRules": "rarecare.registry",
    "LifeTable": "rarecare.population.life_table",
    "Population": "rarecare.population.population",
    "RareCancerList": "rarecare.codes.rare_cancers",
    "RarecareError": "rarecare.errors",
    "Result": "rarecare.results",
    "age_period_cohort": "rarecare.projection",
    "annual_change": "rarecare.rates",
    "back_test": "rarecare.projection",
    "care_needs": "rarecare.care.needs",
    "cause_specific_survival": "rarecare.survival",
    "check": "rarecare.registry.report",
    "classify": "rarecare.registry.classification",
    "compare_rates": "rarecare.rates",
    "compare_ratios": "rarecare.rates",
    "complete_prevalence": "rarecare.prevalent",
    "computed_evidence": "rarecare.care.computed_evidence",
    "concentrate": "rarecare.care.scenario",
    "conditional_survival": "rarecare.survival",
    "crude_mortality": "rarecare.survival",
    "cure_model": "rarecare.models",
    "decompose": "rarecare.models",
    "default_list": "rarecare.codes.rare_cancers",
    "draw_sample": "rarecare.care.sampling",
    "empirical_complete_prevalence": "rarecare.prevalent",
    "excess_cells": "rarecare.models",
    "exclude": "rarecare.registry",
    "expected_cases": "rarecare.rates",
    "expected_prevalence": "rarecare.prevalent",
    "expected_survival": "rarecare.survival",
    "find_primaries": "rarecare.registry.multiple_primaries",
    "flexible_excess_hazard": "rarecare.models",
    "hazard_model": "rarecare.models",
    "hierarchical_incidence": "rarecare.rates",
    "incidence": "rarecare.rates",
    "indicators": "rarecare.care.compute",
    "interval_survival": "rarecare.survival",
    "joinpoint": "rarecare.rates",
    "life_years": "rarecare.survival",
    "life_years_lost": "rarecare.survival",
    "net_survival": "rarecare.survival",
    "net_survival_test": "rarecare.survival",
    "observed_survival": "rarecare.survival",
    "open_release": "rarecare.study",
    "pathways": "rarecare.care.pathways",
    "persons": "rarecare.models",
    "poisson_excess_hazard": "rarecare.models",
    "prevalence": "rarecare.prevalent",
    "profile_table": "rarecare.care.profile",
    "project": "rarecare.projection",
    "quality": "rarecare.registry.quality",
    "rare_disease_rule": "rarecare.prevalent",
    "rarity_rule": "rarecare.rates",
    "read_cases": "rarecare.registry",
    "read_criteria": "rarecare.care.criteria",
    "read_events": "rarecare.registry.events",
    "read_incoming": "rarecare.care.incoming",
    "read_submission": "rarecare.registry.submission",
    "run_study": "rarecare.study",
    "sensitivity": "rarecare.study",
    "serve": "rarecare.portal.serve",
    "shrunken_rates": "rarecare.rates",
    "standardised_ratio": "rarecare.rates",
    "study_kit": "rarecare.care.dictionary_reading",
    "survival_contrasts": "rarecare.survival",
    "to_icd10": "rarecare.codes.icd10",
    "to_iccc": "rarecare.codes.iccc",
    "trend": "rarecare.rates",
    "volumes": "rarecare.care.volume_tables",
}

__all__ = [
    "ExclusionRules",
    "LifeTable",
    "Population",
    "RareCancerList",
    "RarecareError",
    "Result",
    "age_period_cohort",
    "annual_change",
    "back_test",
    "care_needs",
    "cause_specific_survival",
    "check",
    "classify",
    "compare_rates",
    "compare_ratios",
    "complete_prevalence",
    "computed_evidence",
    "concentrate",
    "conditional_survival",
    "crude_mortality",
    "cure_model",
    "decompose",
    "default_list",
    "draw_sample",
    "empirical_complete_prevalence",
    "excess_cells",
    "exclude",
    "expected_cases",
    "expected_prevalence",
    "expected_survival",
    "find_primaries",
    "flexible_excess_hazard",
    "hazard_model",
    "hierarchical_incidence",
    "incidence",
    "indicators",
    "interval_survival",
    "joinpoint",
    "life_years",
    "life_years_lost",
    "net_survival",
    "net_survival_test",
    "observed_survival",
    "open_release",
    "pathways",
    "persons",
    "poisson_excess_hazard",
    "prevalence",
    "profile_table",
    "project",
    "quality",
    "rare_disease_rule",
    "rarity_rule",
    "read_cases",
    "read_criteria",
    "read_events",
    "read_incoming",
    "read_submission",
    "run_study",
    "sensitivity",
    "serve",
    "shrunken_rates",
    "standardised_ratio",
    "study_kit",
    "survival_contrasts",
    "to_iccc",
    "to_icd10",
    "trend",
    "volumes",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'rarecare' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
