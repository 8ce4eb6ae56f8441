"""Every check, in the order of the report."""

from __future__ import annotations

from collections.abc import Mapping

from rarecare.registry.checks.age import AGE
from rarecare.registry.checks.check import Check
from rarecare.registry.checks.coverage import COVERAGE
from rarecare.registry.checks.dates import AGES, DATES, DEATHS, FOLLOW_UP
from rarecare.registry.checks.grade import GRADES
from rarecare.registry.checks.life_table import LIFE_TABLE
from rarecare.registry.checks.mortality import MORTALITY
from rarecare.registry.checks.patient import PATIENT
from rarecare.registry.checks.population import POPULATION
from rarecare.registry.checks.records import IDENTIFIERS, MISSING, STRUCTURE
from rarecare.registry.checks.stage import STAGE
from rarecare.registry.checks.tnm import TNM
from rarecare.registry.checks.treatment import TREATMENT
from rarecare.registry.checks.tumour import TUMOUR

CHECKS: tuple[Check, ...] = (
    *STRUCTURE,
    *IDENTIFIERS,
    *MISSING,
    *DATES,
    *AGES,
    *FOLLOW_UP,
    *DEATHS,
    *TUMOUR,
    *AGE,
    *GRADES,
    *TNM,
    *STAGE,
    *TREATMENT,
    *PATIENT,
    *COVERAGE,
    *POPULATION,
    *MORTALITY,
    *LIFE_TABLE,
)
"""Every check. A new one is one entry in the tuple of its family."""

BY_CODE: Mapping[str, Check] = {check.code: check for check in CHECKS}
