"""Small submissions made of records."""

from datetime import date

import polars as pl

from rarecare.registry.checks import run_checks
from rarecare.registry.checks.columns import known_types
from rarecare.registry.submission import Facts, Submitted
from rarecare.registry.submission.records import LIFE_TABLE, MORTALITY, POPULATION, REJECTS

TODAY = date(2014, 1, 31)
FACTS = Facts("X", "XX", 2008, 2012, date(2012, 12, 31))
ALWAYS = {"year-without-cases"}  # one record cannot fill five years


def cases(*records):
    types = {"row": pl.Int64, **known_types()}
    types |= {
        f"{name}_precision": pl.String for name in ("birth_date", "incidence_date", "last_date")
    }
    names = [name for name in types if any(name in record for record in records)]
    rows = [{name: record.get(name) for name in names} for record in records]
    return pl.DataFrame(rows, schema={name: types[name] for name in names}, orient="row")


def submitted(*records, facts=FACTS, rejects=(), part=None, **files):
    schemas = {"population": POPULATION, "mortality": MORTALITY, "life_table": LIFE_TABLE}
    tables = {
        name: pl.DataFrame(rows, schema=schemas[name], orient="row") for name, rows in files.items()
    }
    rejected = pl.DataFrame(list(rejects), schema=REJECTS, orient="row")
    return Submitted(facts, cases(*records), rejected, part=part, **tables)


def found(given, **options):
    return set(run_checks(given, today=TODAY, **options).table["code"]) - ALWAYS
