"""Ours beside R's relsurv and popEpi, on the same rows in one go."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks import cohorts
from benchmarks.measurements import SHARED, _median

LARGE = 200_000
MODELLED = 50_000
SCRIPT = Path(__file__).with_name("beside_r.R")
TARGETS = {"colrec": 100, f"{LARGE} rows": 300}


def main() -> None:
    """Print seconds, how many times faster, and five-year net survival of each."""
    if shutil.which("Rscript") is None or not SHARED.is_dir():
        print("beside R: not run, Rscript or the real data are absent")
        return
    colrec = pl.read_csv(SHARED / cohorts.COLREC)
    rows = np.random.default_rng(1).integers(0, colrec.height, LARGE)
    print(f"\n{'the same rows, estimation alone':34} {'s':>9} {'times ours':>11} {'5 years':>9}")
    for name, cases in (("colrec", colrec), (f"{LARGE} rows", colrec[rows])):
        seconds, five = _ours(cases)
        print(f"{name + ', rarecare, daily, 23 years':34} {seconds:9.4f} {1:11} {five:9.5f}")
        for program in ("relsurv", "popEpi"):
            found = _in_r(cases, program)
            said = f"{name}, {program} {found['version']}"
            times = found["seconds"] / seconds
            print(
                f"{said:34} {found['seconds']:9.3f} {times:11.0f} {found['five_years']:9.5f}"
                + (f"   target {TARGETS[name]} times" if program == "relsurv" else ""),
                flush=True,
            )
    _models(colrec[rows[:MODELLED]])


def _models(cases: pl.DataFrame) -> None:
    """Print the grouped model of excess hazard beside relsurv's, from cases to coefficients."""
    from rarecare import LifeTable, excess_cells  # noqa: PLC0415
    from rarecare.models import fit_poisson  # noqa: PLC0415

    life_table = LifeTable.read(SHARED / cohorts.SLOVENE)
    table = _named(cases).with_columns(
        older=(pl.col("age_days") >= 70 * 365.241).cast(pl.Int64), site=cases["site"]
    )

    def run() -> float:
        cells = excess_cells(
            table, life_table, covariates=["sex", "older", "site"], breaks="0(1)5",
            days_per_year=365.241,
        )  # fmt: skip
        fit = fit_poisson(cells, "~ C(interval) + sex + older + site")
        return float(fit.coefficients[fit.names.index("older")])

    seconds, found = _median(run), _in_r(cases, "rsadd")
    print(f"\n{'grouped Poisson model, cases to fit':34} {'s':>9} {'times ours':>11} {'older':>9}")
    print(f"{f'{MODELLED} rows, rarecare':34} {seconds:9.4f} {1:11} {run():9.5f}")
    print(
        f"{f'{MODELLED} rows, rsadd glm.poi':34} {found['seconds']:9.3f} "
        f"{found['seconds'] / seconds:11.0f} {found['five_years']:9.5f}"
    )


def _ours(cases: pl.DataFrame) -> tuple[float, float]:
    from rarecare import LifeTable, net_survival  # noqa: PLC0415

    life_table = LifeTable.read(SHARED / cohorts.SLOVENE)
    table = _named(cases.filter((pl.col("time") > 0) | (pl.col("stat") == 1)))
    last = int(cases["time"].max())  # type: ignore[arg-type]

    def run() -> pl.DataFrame:
        return net_survival(table, life_table, at_days=[1826, last], days_per_year=365.241).table

    return _median(run), float(run()["estimate"][0])


def _named(cases: pl.DataFrame) -> pl.DataFrame:
    """Return relsurv's cases by our names."""
    return cases.select(
        sex=pl.col("sex").replace_strict({1: "male", 2: "female"}),
        age_days="age",
        incidence_date=pl.col("diag").str.to_date(),
        follow_up_days=pl.col("time").clip(1),
        died=pl.col("stat") == 1,
    )


def _in_r(cases: pl.DataFrame, program: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cases.csv"
        cases.write_csv(path)
        done = subprocess.run(
            ["Rscript", str(SCRIPT), str(path), program],
            check=True,
            capture_output=True,
            text=True,
        )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found
