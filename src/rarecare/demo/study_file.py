"""The ``study.toml`` of the synthetic Europe."""

from __future__ import annotations

from collections.abc import Sequence

from rarecare.demo.model import YEARS
from rarecare.demo.planted import INCIDENCE_FILE
from rarecare.demo.registry import CLOSING_DATE, Registry

POPULATION_FILE = "population.csv"
PROJECTED_FILE = "population_projected.csv"
LIFE_TABLE_FILE = "lifetable.csv"
STUDY_FILE = "study.toml"
EVENTS_FILE = "events.parquet"
EVIDENCE_FILE = "evidence.csv"
CENTRES_FILE = "centres.csv"
_HEAD = """\
# The study of the synthetic Europe: everything in this folder is invented.

[study]
name = "synthetic-europe"
title = "Rare cancers in a synthetic Europe, {first}–{last}"
synthetic = true
period = ["{first}-01-01", "{last}-12-31"]
closing_date = "{closing}"
measures = ["incidence", "net survival", "prevalence", "trend"]

[incidence]
shrunken = ["08", "08.02"]

[prevalence]
complete = ["08.02"]

[projection]
entities = ["all", "rare", "07", "08.02", "10"]

[exclusions]
bad_rows = "exclude"

[care]
indicators = ["core"]
only = ["D2a", "D2b", "D2c", "D3a", "D3b", "D4", "T1a", "T2a", "F1", "F2", "F3b"]
hospitals = ["D3b", "D4", "T2a"]
stages = ["D4"]

[care.pathways]
entities = ["01", "08"]
since = ["diagnosis", "surgery"]

[[care.volumes.thresholds]]
value = 10
unit = "patients per year"
treatment = "surgery"
entity = "08"
source = "repub.eur.nl/pub/101329: resections of soft-tissue sarcoma a year, the Netherlands"
sureness = "X"

[care.criteria]
sets = ["general", "sarcoma"]
evidence = "{evidence}"
on = {closing}
hospitals = "{centres}"
entities = {{ sarcoma = "08" }}
"""
_REGISTRY = """
[[registries]]
id = "{code}"
name = "{name}"
country = "{code}"
cases = {{ path = "{code}/{cases}", format = "encr" }}
population = {{ path = "{code}/{population}", format = "encr" }}
projected_population = {{ path = "{code}/{projected}", format = "encr" }}
life_table = {{ path = "{code}/{life_table}", format = "encr" }}
events = {{ path = "{code}/{events}" }}
"""


def study_text(registries: Sequence[Registry]) -> str:
    """Return the study of these registries' files, paths from the demo's folder."""
    head = _HEAD.format(first=YEARS[0], last=YEARS[-1], closing=CLOSING_DATE.isoformat(),
                        evidence=EVIDENCE_FILE, centres=CENTRES_FILE)  # fmt: skip
    parts = [
        _REGISTRY.format(
            code=registry.code,
            name=registry.name,
            cases=INCIDENCE_FILE,
            population=POPULATION_FILE,
            projected=PROJECTED_FILE,
            life_table=LIFE_TABLE_FILE,
            events=EVENTS_FILE,
        )
        for registry in registries
    ]
    return head + "".join(parts)
