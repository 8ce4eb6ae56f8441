"""Real data: the estimators' tables and figures, and the studies of ``examples/``.

Slovenian colorectal cancer (R package relsurv), Danish testicular cancer (Epi), rectal cancer
of women in Finland (popEpi), larynx and hypopharynx in Groningen (lyDATA). None of these data
are part of this repository. Everything goes to build/real.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import polars as pl

from rarecare import LifeTable, Population, Result, incidence, net_survival, read_cases
from rarecare.cli.output import print_result, show_release
from rarecare.study import run_study

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("RARECARE_SHARED", ROOT.parent / "shared")) / "data"
OUT = ROOT / "build" / "real"
SLOVENE_YEAR = 365.241
STANDARDS = ("esp1976", "esp2013", "segi", "who2000", "nordic2000")


def slovenia() -> dict[str, Result]:
    """Net survival of colorectal cancer in Slovenia: all, by sex, by extent, standardised."""
    cases = read_cases(
        SHARED / "relsurv_colrec.csv",
        columns={
            "age_days": "age",
            "incidence_date": "diag",
            "follow_up_days": "time",
            "vital_status": "stat",
            "extent": "stage",
        },
        codes={"sex": {"1": "male", "2": "female"}, "vital_status": "event"},
        days_per_year=SLOVENE_YEAR,
    )
    life_table = LifeTable.read(SHARED / "relsurv_slopop.csv")
    choices: dict[str, Any] = {"at": [1, 3, 5, 10], "days_per_year": SLOVENE_YEAR}
    return {
        "colrec": net_survival(cases, life_table, **choices),
        "colrec_by_sex": net_survival(cases, life_table, by=["sex"], **choices),
        "colrec_by_extent": net_survival(cases, life_table, by=["extent"], **choices),
        "colrec_standardised": net_survival(cases, life_table, standard="icss1", **choices),
    }


def denmark() -> dict[str, Result]:
    """Incidence of testicular cancer in Denmark 1943-96: by year, and the whole."""
    counts = pl.read_csv(SHARED / "Epi_testisDK.csv").rename({"A": "age", "P": "year"})
    dated = counts.with_columns(incidence_date=pl.date("year", 7, 1))
    cases = dated.select(pl.col("age", "incidence_date").repeat_by("D").explode())
    people = Population.read(
        counts.select("age", "year", person_years="Y"), keys=[], age_groups="lower"
    )
    return {
        "testis_by_year": incidence(cases, people, by=["year"], standards=STANDARDS),
        "testis": incidence(cases, people, standards=STANDARDS),
    }


def example(study: Path, folder: Path) -> Path:
    """Return an example's study with the real data where they are on this machine."""
    text = study.read_text(encoding="utf-8")
    copy = folder / f"{study.parent.name}.toml"
    copy.write_text(text.replace("../../../shared/data", SHARED.as_posix()), encoding="utf-8")
    return copy


def main() -> int:
    """Print every table, write every figure."""
    if not SHARED.is_dir():
        print(f"The real data are absent ({SHARED}): set RARECARE_SHARED.", file=sys.stderr)
        return 1
    OUT.mkdir(parents=True, exist_ok=True)
    for name, result in {**slovenia(), **denmark()}.items():
        print_result(result)
        for suffix in (".svg", ".png"):
            result.plot().save(OUT / (name + suffix))
        result.table.write_csv(OUT / f"{name}.csv")
    for study in sorted((ROOT / "examples").glob("*/study.toml")):
        show_release(run_study(example(study, OUT), OUT / study.parent.name))
    print(f"Tables, figures and releases are in {OUT}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
